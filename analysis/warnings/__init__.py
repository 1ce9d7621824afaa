"""What to look out for: a module a warning, each silent where it has nothing to say."""
