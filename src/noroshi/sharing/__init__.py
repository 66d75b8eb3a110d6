"""What may go to whom, what it looks like when it gets there, and proof of both.

Nothing here knows a clock, a socket, a file or a thread; keys and secrets are handed in. The way out of a node is

    records -> `release.release` (rules, labels, coarsening) -> `outbox.Outbox` -> `envelope.Sender` -> a link of `run/`

and every other way to look at the picture (HTTP, history, replay, export, logs, metrics) goes through the same
`release.release`, as the view of a named recipient.
"""
