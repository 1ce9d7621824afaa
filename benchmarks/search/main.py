"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from benchmarks.search.methods import METHODS
from benchmarks.search.methods.base import Method, Pair
from benchmarks.search.problems import NAMES, problem, used_for
from benchmarks.search.replay import BUDGETS
from benchmarks.search.results import Results, Unit, units


def main(about: str = "") -> None:
    """Run, report or list."""
    given = _parser(about).parse_args()
    {"run": run, "report": report, "list": listing}[given.what](given)


def _parser(about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("run", "report", "list"), default="run")
    parser.add_argument("--problems", default="all", help="names, or tuning, release, all")
    parser.add_argument("--methods", default="all", help="names, or a part of names")
    parser.add_argument("--pair", action="append", default=[], metavar="JSON",
                        help='one more: {"name": .., "searcher": .., "scheduler": ..}')  # fmt: skip
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--slow-seeds", type=int, default=10, help="of methods over 0.1 s")
    parser.add_argument("--workers", default="1,4")
    parser.add_argument("--trainings", type=int, default=max(BUDGETS))
    parser.add_argument("--out", type=Path, default=Path("build/search"))
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--again", action="store_true", help="also what was run before")
    parser.add_argument("--by", choices=("epochs", "seconds"), default="epochs")
    parser.add_argument("--ranked", default="", help="report: methods to rank, in this order")
    return parser


def asked_problems(text: str) -> list[str]:
    """Names of problems, of one use or of all.

    Raises:
        SystemExit: no such problem.
    """
    if text == "all":
        return list(NAMES)
    if text in {"tuning", "release"}:
        return used_for(text)
    names = text.split(",")
    for name in names:
        if name not in NAMES:
            raise SystemExit(f"--problems: no {name!r}. Known: {', '.join(NAMES)}.")
    return names


def asked_methods(text: str, pairs: list[str]) -> list[Method]:
    """Methods by name or by a part of it, and pairs written down.

    Raises:
        SystemExit: nothing is called so, or a pair is no JSON object with a name.
    """
    found: dict[str, Method] = {}
    for part in [] if text == "none" else text.split(","):
        exact = [known for known in METHODS if known.name == part]
        some = exact or [known for known in METHODS if part == "all" or part in known.name]
        if not some:
            raise SystemExit(
                f"--methods: no {part!r}. Known: {', '.join(m.name for m in METHODS)}."
            )
        found.update({known.name: known for known in some})
    for pair in pairs:
        try:
            settings = json.loads(pair)
            made = Pair(settings["name"], settings["searcher"], settings["scheduler"])
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"--pair {pair}: {error!r}. Give name, searcher, scheduler.") from None
        found[made.name] = made
    return list(found.values())


def run(given: argparse.Namespace) -> None:
    """Run all that is asked for and not there yet."""
    results = Results(given.out)
    methods = []
    for one in asked_methods(given.methods, given.pair):
        why = one.missing()
        if why:
            print(f"skipped {one.name}: {why}", flush=True)
        else:
            methods.append(one)
    workers = [int(count) for count in given.workers.split(",")]
    asked = units(
        methods, _here(asked_problems(given.problems)), workers, given.seeds, given.trainings,
        given.slow_seeds,
    )  # fmt: skip
    todo = [unit for unit in asked if given.again or not results.has(unit)]
    begun, done, failed = time.monotonic(), 0, 0

    def take(unit: Unit, run: Callable[[], list[dict[str, Any]]]) -> None:
        nonlocal done, failed
        done += 1
        try:
            rows = run()
        except Exception as error:  # noqa: BLE001  # a competitor's fault must not end the others
            failed += 1
            print(f"{done}/{len(todo)} failed {unit}: {error!r}", flush=True)
            return
        results.write(unit, rows)
        left = (time.monotonic() - begun) / done * (len(todo) - done)
        print(
            f"{done}/{len(todo)} {unit.problem} {unit.method.name} workers {unit.workers} "
            f"seed {unit.seed}: regret {rows[0]['regrets'][-1]:.4g}, cpu {rows[0]['cpu']:.2f} s, "
            f"{rows[0]['suggest_ms']:.1f} ms a trial; about {left / 60:.0f} min left",
            flush=True,
        )

    if given.jobs <= 1:
        for unit in todo:
            take(unit, unit.rows)
    else:
        _in_processes(todo, given.jobs, take)
    print(f"{done} runs in {time.monotonic() - begun:.0f} s, {failed} failed")
    if failed:
        raise SystemExit(1)


def _in_processes(
    todo: list[Unit],
    jobs: int,
    take: Callable[[Unit, Callable[[], list[dict[str, Any]]]], None],
) -> None:
    waiting = iter(todo)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        under_way: dict[Future[list[dict[str, Any]]], Unit] = {}
        while True:
            while len(under_way) < 2 * jobs and (unit := next(waiting, None)) is not None:
                under_way[pool.submit(unit.rows)] = unit
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                take(under_way.pop(future), future.result)


def report(given: argparse.Namespace) -> None:
    """Write the tables and the figure, and print the tables."""
    from benchmarks.search.report import write_report

    ranked = [name for name in given.ranked.split(",") if name]
    sys.stdout.write(write_report(given.out, asked_problems(given.problems), ranked))


def listing(given: argparse.Namespace) -> None:
    """Say which problems and methods there are, and what is missing here."""
    for name in NAMES:
        known = problem(name)
        print(f"{name:14}{known.use:9}{known.missing() or known.about}")
    print()
    for one in METHODS:
        print(f"{one.name:24}{one.missing() or 'ready'}")


def _here(names: list[str]) -> list[str]:
    """The problems whose data are here; the others are named and left out."""
    for name in names:
        if problem(name).missing():
            print(f"skipped {name}: {problem(name).missing()}", flush=True)
    return [name for name in names if not problem(name).missing()]
