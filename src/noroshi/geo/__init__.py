"""Earth, frames, time: arrays in, arrays out, rows on axis 0, metres, radians, int64 nanoseconds of UTC.

Transforms read `a_from_b`. Nothing here knows a sensor or a target.
"""
