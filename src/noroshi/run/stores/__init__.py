"""What survives a node that is killed: its outboxes and small values in one file, its audit record in another."""


class StoreError(ValueError):
    """A file cannot be opened or written as what it should be. The message is one line for a person."""
