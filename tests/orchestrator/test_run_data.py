"""What a run keeps of its data: the split in words, a warning, and a fingerprint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from analysis import analyze
from orchestrator.ask_tell import Study
from orchestrator.cli.view.closing import closing
from orchestrator.cli.view.outline import outline_of
from orchestrator.cli.view.plain import PlainView
from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.table import table
from orchestrator.engine.journal import Journal, read
from orchestrator.engine.records import Opened
from orchestrator.names import compose
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import spec_from
from orchestrator.sweep import Sweep, resume
from searchspaces.errors import ConfigurationError, UsageError

SPLIT = "stratified: 6 of 24 series held out, groups shared"
WARNING = "scores are optimistic: the same groups train and validate"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of one's own in the working directory."""
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(size=(30, 5, 2))
    np.savez("own.npz", values=values, label=np.arange(30) % 3, group=np.arange(30) // 3)
    return tmp_path


@pytest.fixture
def small_ray() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    ray.init(
        "local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield
    ray.shutdown()


def other_data() -> None:
    """The file is there as before, and holds something else."""
    labels = {"label": np.arange(30) % 3, "group": np.arange(30) // 3}
    np.savez("own.npz", values=np.ones((30, 5, 2)), **labels)


def begun(runs: Path, fingerprint: str) -> RunFolder:
    """A run that a process has opened and left."""
    spec = spec_from(compose("mlp-random"), {"dataset": "npz:own.npz", "trials": 1, "epochs": 1})
    folder = RunFolder.create(runs, spec, {"command": "test"})
    journal = Journal(folder.journal, lambda record: None)
    journal.append(Opened(1.0, "here", 1, {}, fingerprint=fingerprint))
    journal.close()
    return folder


def test_a_run_does_not_go_on_with_other_data_than_it_began_with(own: Path) -> None:
    folder = begun(own / "runs", "0123456789abcdef")
    found = Sweep("mlp-random", dataset="npz:own.npz").data.fingerprint
    with pytest.raises(ConfigurationError) as caught:
        resume(folder)
    assert str(caught.value) == (
        f"dataset: the data have changed since this run began (fingerprint {found}, not "
        f"0123456789abcdef). Put them back as they were, or start a new sweep."
    )
    assert [type(entry.record) for entry in read(folder.journal)] == [Opened]


def test_a_study_does_not_go_on_with_other_data_than_it_began_with(own: Path) -> None:
    with Sweep("mlp-random", dataset="npz:own.npz", trials=1, epochs=1).ask_tell() as study:
        pass
    began = next(iter(read(study.run.journal))).record
    assert isinstance(began, Opened)
    before = len(list(read(study.run.journal)))
    other_data()
    found = Sweep("mlp-random", dataset="npz:own.npz").data.fingerprint
    with pytest.raises(ConfigurationError) as caught:
        Study.resume(study.run)
    assert str(caught.value) == (
        f"dataset: the data have changed since this run began (fingerprint {found}, not "
        f"{began.fingerprint}). Put them back as they were, or start a new sweep."
    )
    assert len(list(read(study.run.journal))) == before
    assert not study.run.is_owned()


def test_a_finished_study_can_be_looked_at_whatever_became_of_its_data(own: Path) -> None:
    with Sweep("mlp-random", dataset="npz:own.npz", trials=1, epochs=1).ask_tell() as study:
        study.tell(study.ask(), {"valid_loss": 0.5})
    other_data()
    with Study.resume(study.run) as again:
        assert again.finished
        assert again.result().trials["objective"].to_list() == [0.5]


def test_a_run_whose_file_is_elsewhere_says_which_and_from_where(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begun(own / "runs", "")
    (own / "deeper").mkdir()
    monkeypatch.chdir(own / "deeper")
    with pytest.raises(UsageError) as caught:
        resume(folder)
    assert str(caught.value) == (
        f"data set 'npz:own.npz': no such file, seen from {own / 'deeper'}. "
        f"Give its path, or go where it is."
    )


def test_a_sweep_on_a_file_of_ones_own_records_its_split_and_goes_on_with_it(
    own: Path, small_ray: None
) -> None:
    done = Sweep(
        "mlp-random", dataset="npz:own.npz", split="stratified", trials=1, epochs=1, concurrency=1
    ).run(own / "runs")
    opened = next(iter(read(done.run.journal))).record
    assert isinstance(opened, Opened)
    assert (opened.split, opened.warning) == (SPLIT, WARNING)
    assert opened.facts == {"features": 2, "classes": 3, "steps": 5, "channels": 0}
    assert opened.fingerprint == Sweep(done.run.spec()).data.fingerprint
    found = analyze(done.run.path, formats=("png",), only=["learning_curves"])
    assert f"split     {SPLIT}" in found.lines
    assert f"care      {WARNING}" in found.lines
    assert (found.as_dict()["split"], found.as_dict()["warning"]) == (SPLIT, WARNING)
    assert resume(done.run).stopped is None


def test_views_tell_split_and_warning_once_the_run_is_open() -> None:
    outline = outline_of(spec_from(compose("mlp-random"), {"trials": 2, "epochs": 1}))
    told = Opened(1.0, "here", 1, {}, split=SPLIT, warning=WARNING)
    wanted = [f"split  {SPLIT}", f"care   {WARNING}"]

    lines: list[str] = []
    view = PlainView(outline, lines.append)
    assert not set(wanted) & set(lines)
    for _ in range(2):  # it was resumed
        view.note(told)
    assert lines[-2:] == wanted
    assert lines.count(wanted[0]) == 1

    progress = Progress(outline)
    progress.note(told)
    shown = table(progress, width=80, height=40, now=progress.began)
    assert [line for line in shown if line in wanted] == wanted
    low = table(progress, width=80, height=8, now=progress.began)
    assert wanted[0] not in low  # what runs comes first where there is no room
    ended = closing(progress, None, width=80, now=progress.began)
    assert [line for line in ended if line in wanted] == wanted
