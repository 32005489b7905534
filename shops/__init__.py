"""Real shops, installed and filled by their own means, to attach vitrina to."""
