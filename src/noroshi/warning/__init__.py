"""From the picture to people warned in time: what a threat will do, whom it concerns, and what is to be said of it.

`forecast.py` says what a forecast is; how each kind of threat goes on is a file beside it. Nothing here decides: what
is to be said is *proposed*, and a person approves it (`command/`).
"""
