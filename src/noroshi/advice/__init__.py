"""Advice with a bound: a plan, how good any plan could be at most, and what proves it. Nobody has to follow it.

One problem a file (`looks.py`: which sensor looks where; `covering.py`: who covers what when sites fail), each with a
plain greedy plan beside the optimised one, and a check that needs nothing but the problem and the certificate.
"""
