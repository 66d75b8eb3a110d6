"""The simulated world: truth, and what sensors see of it. All randomness is keyed."""
