"""The vocabulary: show, curate, judge."""
