"""From an alert that a person approved to messages that went out, and from messages that came in to alerts shown once.

`desk.py` words, signs and keeps what was approved and hands it to the outlets (`run/outlets/`); `receiving.py` is the
other side.
"""


class AlertError(ValueError):
    """An alert cannot be made, sent or taken in. The message is one line for a person."""
