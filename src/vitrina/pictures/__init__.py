"""From an address or a file to a decoded, measured picture."""
