"""One nation's node: records in, picture and messages out. It has no clock, socket, file or thread."""
