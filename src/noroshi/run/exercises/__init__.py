"""The exercise driver: a simulated world, its sensors and many nodes in one process, faster than real time."""
