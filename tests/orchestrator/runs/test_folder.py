"""Run folders are made whole or not at all, owned by one process, and found by a part."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.runs.folder import (
    RunBusyError,
    RunFolder,
    RunNotFoundError,
    UnwritableError,
    all_runs,
    find_run,
)
from orchestrator.spec import SweepSpec
from orchestrator.spec_file import FileError
from searchspaces import UsageError


def test_a_run_is_named_by_day_sweep_and_four_digits(folder: RunFolder) -> None:
    assert re.fullmatch(r"\d{4}-gru-hyperband-[0-9a-f]{4}", folder.id)
    assert folder.suffix == folder.id[-4:]
    assert folder.trial_id(7) == f"{folder.suffix}-0007"


def test_a_new_folder_holds_the_spec_and_who_made_it(folder: RunFolder, spec: SweepSpec) -> None:
    assert [path.name for path in folder.path.iterdir()] == ["spec.yaml"]
    assert folder.spec() == spec
    assert folder.provenance() == {"command": "test"}


def test_nothing_half_written_is_left_when_the_disk_is_full(
    tmp_path: Path, spec: SweepSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError) as failure:
        RunFolder.create(tmp_path, spec, {})
    assert str(failure.value) == (
        f"{tmp_path}: no run can be written there (No space left on device). "
        f"Give another folder: --runs FOLDER"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_runs_folder_is_one_line(tmp_path: Path, spec: SweepSpec) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(UsageError, match=r"runs: no run can be written there \(File exists\)"):
        RunFolder.create(tmp_path / "runs", spec, {})
    with pytest.raises(UsageError, match=r"no run can be written there \(Not a directory\)"):
        RunFolder.create(tmp_path / "runs" / "below", spec, {})


def test_a_second_owner_is_refused_and_a_dead_one_s_run_is_free(folder: RunFolder) -> None:
    code = (
        "import sys; from pathlib import Path; from orchestrator.runs.folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).owned(): print('mine', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"mine\n"
        assert folder.is_owned()
        with pytest.raises(RunBusyError) as failure, folder.owned():
            pass
        assert str(failure.value) == (
            f"run {folder.id} is running in another process. Wait for it, or stop it."
        )
        owner.kill()
        owner.wait()
        assert not folder.is_owned()
        with folder.owned(), pytest.raises(RunBusyError), RunFolder(folder.path).owned():
            pass


def test_a_folder_that_is_gone_cannot_be_owned(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    gone = RunFolder(tmp_path / "file" / "run")
    with pytest.raises(UnwritableError, match=r"cannot be written"), gone.owned():
        pass


class TestFinding:
    @pytest.fixture
    def runs(self, tmp_path: Path) -> Path:
        for index, name in enumerate(
            ["0101-gru-bohb-aaaa", "0102-gru-asha-bbbb", "0103-mlp-bohb-abab"]
        ):
            (tmp_path / name).mkdir()
            spec = tmp_path / name / "spec.yaml"
            spec.write_text("version: 1\n")
            os.utime(spec, (index, index))
        (tmp_path / ".0104-gru-bohb-cccc.part").mkdir()
        (tmp_path / ".0104-gru-bohb-cccc.part" / "spec.yaml").write_text("")
        (tmp_path / "not-a-run").mkdir()
        return tmp_path

    def test_runs_come_oldest_first_and_half_made_ones_not_at_all(self, runs: Path) -> None:
        assert [run.id[:4] for run in all_runs(runs)] == ["0101", "0102", "0103"]
        assert all_runs(runs / "nowhere") == []

    def test_a_run_is_found_by_any_part_its_path_or_as_the_latest(self, runs: Path) -> None:
        assert find_run(runs, "bbb").id == "0102-gru-asha-bbbb"
        assert find_run(runs, "0101-gru-bohb-aaaa").id == "0101-gru-bohb-aaaa"
        assert find_run(runs).id == "0103-mlp-bohb-abab"
        assert (
            find_run(Path("elsewhere"), str(runs / "0102-gru-asha-bbbb")).id == "0102-gru-asha-bbbb"
        )

    @pytest.mark.parametrize(
        ("part", "text"),
        [
            ("zzz", "no run 'zzz' in {runs}. List them: orch runs --runs {runs}"),
            (
                "bohb",
                "'bohb' is part of 2 runs: 0101-gru-bohb-aaaa, 0103-mlp-bohb-abab. "
                "Give more of the id.",
            ),
        ],
    )
    def test_none_or_several_are_one_line(self, runs: Path, part: str, text: str) -> None:
        with pytest.raises(RunNotFoundError) as failure:
            find_run(runs, part)
        assert str(failure.value) == text.format(runs=runs)

    def test_no_runs_at_all_says_how_to_start_one(self, tmp_path: Path) -> None:
        with pytest.raises(RunNotFoundError) as failure:
            find_run(tmp_path)
        assert str(failure.value) == f"no runs in {tmp_path}. Start one: orch sweep gru-bohb"


def test_a_damaged_spec_names_its_line(folder: RunFolder) -> None:
    path = folder.path / "spec.yaml"
    path.write_text(path.read_text().replace("trials: 6", "trials: six"))
    with pytest.raises(FileError) as failure:
        folder.spec()
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "trials:" in text)
    assert str(failure.value).startswith(f"{path}:{line}: trials: 'six' is not a whole number")
