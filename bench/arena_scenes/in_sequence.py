"""The scene `out_of_sequence` with every look in time: what late looks cost."""

from arena_scenes import Hidden, Scene, out_of_sequence

PUBLISHED: dict[str, float] = {}


def scene(seed: int) -> tuple[Scene, Hidden]:
    """Return the scene and its truth."""
    return out_of_sequence.scene(seed, late=False)
