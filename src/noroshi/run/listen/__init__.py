"""`noroshi listen`: shows and tracks live feeds that nobody has described."""
