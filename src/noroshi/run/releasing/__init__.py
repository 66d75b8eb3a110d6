"""`noroshi release` and `noroshi audit`: what leaves a node and why, what if, and the proof of what left."""
