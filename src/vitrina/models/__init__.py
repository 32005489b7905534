"""The questions to models and their answers."""
