"""`noroshi coverage`: what is asked (command), told (tables) and drawn (picture)."""
