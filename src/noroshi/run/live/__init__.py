"""One nation's node, live: wall clock, feeds, links, edges, journal; the same core as in exercises and replays."""
