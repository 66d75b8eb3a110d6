"""The units of aviation and the sea in SI units, exact by definition (ICAO Annex 5, chapter 1)."""

FOOT_M, NAUTICAL_MILE_M = 0.3048, 1852.0
KNOT_M_S, FOOT_PER_MINUTE_M_S = NAUTICAL_MILE_M / 3600.0, FOOT_M / 60.0
