"""The database: the only package that knows the driver, the schema and the built-in data."""
