"""Tags without a key and without a network."""
