"""The page that shows the picture, and what serves it (`docs/picture.md`, `docs/picture-wire.md`)."""
