<<<<<<< HEAD
"""Campaigns: a scenario run many times, in several variants, and what came of every run kept."""
=======
"""Campaigns: many runs of one scenario, in variants."""
>>>>>>> measure8
