"""What a job on a cluster's head runs: ``python -m orchestrator.cluster.entry ORDER``.

ORDER is JSON, an :class:`Order`; there is nothing secret in it. The run's folder is there
already: to begin a run and to go on with one are the same.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be run, and with what.

    Attributes:
        run: path of its folder.
        library: folder with orch's packages.
        modules: folders with one's own modules, searched after everything that is installed.
        runs_in: folder that the sweep was started in, here; empty where it does not matter.
        dataset: what the sweep's data set is called here; empty where it is called as there.
        secrets: folder of files that become environment variables; empty without any.
        tracking: what changes in where it is told about.
        rules: what stops it by itself, where not as the run says.
        largest: logical CPUs and GPUs of the largest node that there may be; 0 if unknown.
    """

    run: str
    library: str
    modules: tuple[str, ...] = ()
    runs_in: str = ""
    dataset: str = ""
    secrets: str = ""
    tracking: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    largest: tuple[float, float] = (0.0, 0.0)


def main(text: str) -> int:
    """Run it, in plain lines; the exit code of ``orch resume``."""
    order = msgspec.json.decode(text.encode(), type=Order)
    for folder in order.modules:
        sys.path.append(folder)
    if order.runs_in:
        os.chdir(order.runs_in)
    from orchestrator.cli.failures import Failures

    with Failures(debug=True) as failures:
        failures.code = _run(order)
    return failures.code


def _run(order: Order) -> int:
    from orchestrator.cli.driving import drive
    from orchestrator.cli.news import News
    from orchestrator.cluster.credentials import adopt, notified
    from orchestrator.engine.machines import Joined
    from orchestrator.engine.room import Node
    from orchestrator.runs.folder import RunFolder
    from orchestrator.sweep import resume
    from orchestrator.tracking.start import settled

    run, urls = RunFolder(Path(order.run)), tuple[str, ...]()
    if order.secrets:
        urls = notified(Path(order.secrets))
        adopt(Path(order.secrets))
        shutil.rmtree(order.secrets)  # this process has them
    largest = Node(*order.largest) if any(order.largest) else None
    cluster = Joined("auto", _packages(order), _working_folder(order), largest)
    try:
        with News(urls, run.spec().title if urls else "") as news:
            return drive(
                lambda watch, inbox: resume(
                    run,
                    watch=watch,
                    inbox=inbox,
                    tracking=order.tracking,
                    cluster=cluster,
                    dataset=order.dataset,
                    **order.rules,
                ),
                as_json=False,
                latest=False,
                elsewhere=True,
                news=news,
            )
    finally:
        settled()  # the machine may end with the job


def _packages(order: Order) -> tuple[str, ...]:
    """What Ray brings to the other machines as modules, which it does one folder each."""
    folders = [Path(order.library), *map(Path, order.modules)]
    working = _working_folder(order)
    return tuple(
        str(path)
        for folder in folders
        if str(folder) != working
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name != "__pycache__"
    )


def _working_folder(order: Order) -> str:
    """The folder that trials run in a copy of: what is named from it is found there."""
    return order.runs_in or (order.modules[0] if order.modules else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
