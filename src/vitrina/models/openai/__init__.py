"""Any endpoint with the OpenAI API."""
