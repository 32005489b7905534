"""Any endpoint that speaks the OpenAI API."""
