"""Data sets that come with orch, a module each; the file name is the name."""
