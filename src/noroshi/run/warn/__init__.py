"""A real launch replayed through a set of generic sensors: what this program would have said, beside what was said."""
