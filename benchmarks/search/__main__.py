"""``python -m benchmarks.search``."""

from __future__ import annotations

from benchmarks.search.main import main

main()
