"""Batch mathematics of estimation: rows on axis 0, no domain words.

States are (n, d), covariances (n, d, d). Every function takes and returns arrays; none keeps anything.
"""
