"""Decisions of people, of several nations: who may say what next, until when, and what it has come to.

A decision is a stream of steps (`records.Decision`), its state a fold over them (`book.py`); one table says which step
may follow which (`transitions.py`). Who may take a step is for rules that people can read (`authority.py`), evaluated
outside; each person's step is signed by that person (`people.py`). What lasts (delegations, standing plans, postures)
is decided by the same steps (`standing.py`). `core.py` is what a node holds; `warnings.py` is its first use, the
approval of alerts. Nothing here approves by itself: what is not decided in time lapses, and nothing is done.
"""
