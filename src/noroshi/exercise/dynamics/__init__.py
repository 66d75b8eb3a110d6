"""Dynamics of the truth: richer than any filter's, in other axes, by another integrator.

The filters (`motion/`) integrate Earth-fixed states by Runge-Kutta steps of fixed form. Here everything that flies
fast is integrated in inertial axes by an adaptive Dormand-Prince pair, so that what both get wrong is not the same.
"""
