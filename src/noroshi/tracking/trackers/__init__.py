"""The trackers, one a file; the file's name is its key. Each holds `class Tracker` (see `noroshi.tracking`)."""
