"""How long a suggestion takes: every searcher, after 100 and after 1,000 observed trials.

    python benchmarks/suggest.py                        # all of them, on the space of gru
    python benchmarks/suggest.py sobol bohb --space awkward
    python benchmarks/suggest.py --observed 100 1000 3000 --repeats 50
    python benchmarks/suggest.py --cpu                  # where others compute too
    python benchmarks/suggest.py auto --full            # every trial ran 27 epochs

Milliseconds in one thread, median and 95th percentile. Trials were observed at epochs 1, 3
and 9 as successive halving leaves them (a third goes on), and where a searcher looks besides;
one in fourteen failed, and a new observation comes before each suggestion, so that nothing is
left over from the one before.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Iterator

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before NumPy is imported

import numpy as np  # noqa: E402  # see above

from orchestrator.searchers import Observation, Searcher, searchers  # noqa: E402  # see above
from orchestrator.searchers.testing import FACTS, SPACES  # noqa: E402  # see above
from searchspaces import ConfigurationError, JointSpace  # noqa: E402  # see above

OURS_AT_MOST = 20.0
"""Milliseconds at the median that our own searchers may take at 1,000 observations."""

LIBRARIES = ("hyperopt", "optuna-tpe", "cmaes")


def observations(
    space: JointSpace, count: int, searcher: Searcher, *, full: bool
) -> Iterator[list[Observation]]:
    """What is seen of one trial after the other; in full, all run to epoch 27."""
    rng = np.random.default_rng(1)
    for number in range(count):
        config = space.sample(rng, FACTS)
        point = np.nan_to_num(space.cube().to_unit(config), nan=0.5)
        loss = float(((point - 0.3) ** 2).sum() + 0.02 * rng.normal())
        if number % 14 == 5:
            yield [Observation(number, config, 1, math.inf)]
        else:
            rungs = {27} if full else {1, 3, 9} if not number % 9 else {1} if number % 3 else {1, 3}
            epochs = rungs | {epoch for epoch in range(max(rungs)) if searcher.looks(epoch)}
            yield [Observation(number, config, epoch, loss + 1 / epoch) for epoch in sorted(epochs)]


def times(
    searcher: Searcher, space: JointSpace, observed: int, asked: argparse.Namespace
) -> list[float]:
    """Milliseconds of each suggestion after that many trials, the first left out."""
    clock = time.thread_time if asked.cpu else time.perf_counter
    searcher.begin(space, seed=0, facts=FACTS)
    trials = observations(space, observed + asked.repeats + 1, searcher, full=asked.full)
    found = []
    for number, seen in enumerate(trials, start=1):
        for observation in seen:
            searcher.observe(observation)
        if number >= observed:
            limit = searcher.limit(space)
            if limit is not None and number >= limit:
                break
            start = clock()
            searcher.suggest(number)
            found.append(1000 * (clock() - start))
    return found[1:]


def main() -> None:
    """Print a row per searcher."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("searcher", nargs="*", default=searchers.names())
    parser.add_argument("--space", choices=SPACES, default="gru")
    parser.add_argument("--observed", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--cpu", action="store_true", help="time of the processor, not the wall's")
    parser.add_argument("--full", action="store_true", help="every trial ran to the end")
    asked = parser.parse_args()
    space = SPACES[asked.space]
    print(f"{asked.space}: {space.cube().dimensions} parameters; ms a suggestion, median (p95)\n")
    print(f"{'searcher':<12}" + "".join(f"{count:>8,} trials " for count in asked.observed))
    slow = []
    for name in asked.searcher:
        row = f"{name:<12}"
        for count in asked.observed:
            try:
                taken = times(searchers.get(name)(), space, count, asked)
            except ConfigurationError as error:  # a grid that is too large
                row += f"  {error}"
                break
            middle, late = np.percentile(taken, [50, 95]) if taken else (math.nan, math.nan)
            row += f"{middle:>7.2f} ({late:.2f})"
            if name not in LIBRARIES and count == 1000 and middle > OURS_AT_MOST:
                slow.append(name)
        print(row, flush=True)
    if slow:
        raise SystemExit(f"more than {OURS_AT_MOST:.0f} ms at the median: {', '.join(slow)}")


if __name__ == "__main__":
    main()
