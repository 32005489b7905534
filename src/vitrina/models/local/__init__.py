"""Tags without a key or network."""
