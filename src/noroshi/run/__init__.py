"""The outside: clocks, files, processes, the command line. Only this room turns a configured name into code."""
