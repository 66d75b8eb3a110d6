"""How an exercise went: one family of measures a file, all pure functions of what happened."""
