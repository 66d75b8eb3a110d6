"""Text that others wrote, on a terminal."""


def printable(text: str, length_max: int = 60) -> str:
    """Return `text` on one line and cut, without characters that would command a terminal."""
    plain = "".join(char if char.isprintable() else "?" for char in text[:length_max])
    return plain if len(text) <= length_max else f"{plain}..."
