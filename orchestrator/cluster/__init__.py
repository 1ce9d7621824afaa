"""A Ray cluster as a sweep meets it: the file, the checks, what others start from it."""
