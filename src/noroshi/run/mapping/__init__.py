"""The parts of the map picture (`run/plot.py` puts them together)."""
