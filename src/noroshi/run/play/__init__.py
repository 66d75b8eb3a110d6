"""An exercise that people play: who sits where, what they are told, and what they do."""
