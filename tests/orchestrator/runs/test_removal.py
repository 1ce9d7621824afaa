"""Deleting a run: whole or not at all, whenever the process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from filelock import FileLock

from orchestrator.runs.errors import RunBusyError, UnwritableError
from orchestrator.runs.folder import all_runs
from orchestrator.runs.removal import check_free, leftovers, remove, size_of
from searchspaces.errors import OrchError


def filled(folder, files=3):
    """A run with something in it; returns the bytes."""
    folder.checkpoints.mkdir()
    for number in range(files):
        (folder.checkpoints / f"{number}").write_bytes(bytes(1000))
    return sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())


def test_a_deleted_run_is_gone_and_its_bytes_are_counted(folder):
    size = filled(folder)
    assert size > 3000
    assert remove(folder) == size
    assert list(folder.path.parent.iterdir()) == []


def test_a_run_that_somebody_runs_is_not_deleted(folder):
    filled(folder)
    with folder.owned(), pytest.raises(RunBusyError):
        remove(folder)
    assert all_runs(folder.path.parent)[0].id == folder.id
    assert (folder.checkpoints / "0").exists()


def test_a_run_that_a_tracker_is_still_told_of_is_not_deleted(folder):
    lock = FileLock(folder.path / "tracking.lock")
    with lock:
        for refuse in (remove, check_free):
            with pytest.raises(OrchError) as error:
                refuse(folder)
            assert str(error.value) == (
                f"run {folder.id} is still being told to a tracker; tracking.log in its folder "
                f"says how far. Wait for that."
            )
    check_free(folder)
    remove(folder)
    assert not folder.path.exists()


def test_a_process_that_is_killed_on_the_way_leaves_no_half_run(folder):
    """Killed in the middle of deleting: the run is listed no more, and the rest can be freed."""
    filled(folder, files=50)
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from orchestrator.runs.folder import RunFolder\n"
        "from orchestrator.runs import removal\n"
        "count = 0\n"
        "unlink = os.unlink\n"
        "def dying(*arguments, **named):\n"
        "    global count\n"
        "    count += 1\n"
        "    if count == 20:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    unlink(*arguments, **named)\n"
        "os.unlink = dying\n"
        "removal.remove(RunFolder(Path(sys.argv[1])))\n"
    )
    command = [sys.executable, "-c", code, str(folder.path)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    runs = folder.path.parent
    assert all_runs(runs) == []
    [rest] = leftovers(runs)
    assert size_of(rest) > 0


def test_folders_that_were_half_made_long_ago_are_left_over(folder):
    runs = folder.path.parent
    for name, age in ((".a.part", 7200), (".b.part", 10), (".c.removed", 10), (".d", 7200)):
        (runs / name).mkdir()
        os.utime(runs / name, (time.time() - age,) * 2)
    (runs / ".e.removed").symlink_to(folder.path)
    assert [path.name for path in leftovers(runs)] == [".a.part", ".c.removed"]
    assert list(leftovers(runs / "nowhere")) == []


def test_of_a_link_to_a_run_only_the_link_goes(folder, tmp_path):
    size = filled(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / folder.id).symlink_to(folder.path)
    [linked] = all_runs(other)
    assert remove(linked) == 0
    assert all_runs(other) == []
    assert size_of(folder.path) == size


def test_a_folder_that_cannot_be_deleted_is_named(folder):
    folder.path.with_name(f".{folder.id}.removed").write_text("a file in the way")
    with pytest.raises(UnwritableError) as error:
        remove(folder)
    assert str(error.value) == f"{folder.path}: cannot be written: Not a directory."
