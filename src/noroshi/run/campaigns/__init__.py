"""Campaigns: many runs of one scenario, in variants."""
