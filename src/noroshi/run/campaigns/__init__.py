"""Campaigns: a scenario run many times, in several variants, and what came of every run kept."""
