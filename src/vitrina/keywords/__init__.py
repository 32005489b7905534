"""The vocabulary: look, curate, judge."""
