"""The benchmark of searchers with schedulers; see ``benchmarks/search.py``."""
