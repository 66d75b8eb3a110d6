"""Parts of the benches of launch notices and of gliders' custody."""
