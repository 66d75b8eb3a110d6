"""What survives a node that is killed: outboxes and small values in one file, the audit record and alerts in others."""


class StoreError(ValueError):
    """A file cannot be opened or written as what it should be. The message is one line for a person."""
