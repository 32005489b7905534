"""What answers about a product: a local provider and any OpenAI-compatible endpoint."""
