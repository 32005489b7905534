"""The drawings of the demo catalogue: everything here is drawn, nothing is photographed."""
