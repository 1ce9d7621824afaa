"""Lists as values and groups of parameters, from the sweep's words to the tables and back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import orchestrator
from analysis import load_run
from analysis.fidelity import full
from analysis.importance.effects import Effect, Importance
from analysis.warnings.idle import idle
from orchestrator.cli.main import cli
from orchestrator.engine.journal import read
from orchestrator.engine.records import EpochReported, Record, TrialStarted
from orchestrator.engine.steering import edited, filled
from orchestrator.runs.folder import RunFolder
from orchestrator.searchers.known import known
from orchestrator.spec import SweepSpec, spec_from
from orchestrator.spec_file import read_spec, setting, to_yaml
from orchestrator.sweep import Sweep
from searchspaces import Choice, ConfigurationError, Float, JointSpace
from searchspaces.inline import NoTraining, inline_space
from trainables.programs.placeholders import check
from trainables.programs.placeholders import filled as filled_in

SPACE: dict[str, Any] = {
    "kernel_sizes": {"values": [[3, 3], [5, 3], [7, 5, 3]]},
    "optimizer": {"values": ["sgd", "adam"]},
    "sgd": {
        "when": {"optimizer": "sgd"},
        "rate": {"low": 1e-3, "high": 1.0, "log": True},
        "momentum": {"low": 0.0, "high": 0.9},
    },
    "adam": {"when": {"optimizer": "adam"}, "rate": {"low": 1e-4, "high": 0.1, "log": True}},
}
MODULE = """
from searchspaces import Choice, ChoiceParam, Float, FloatParam, SearchSpace

class Sgd(SearchSpace):
    rate: FloatParam = Float(1e-3, 1.0, log=True)
    momentum: FloatParam = Float(0.0, 0.9)

class Adam(SearchSpace):
    rate: FloatParam = Float(1e-4, 1e-1, log=True)

class Net(SearchSpace):
    kernel_sizes: ChoiceParam = Choice([[3, 3], [5, 3], [7, 5, 3]])
    optimizer: ChoiceParam = Choice(("sgd", "adam"))
    sgd: Sgd = Sgd(when={"optimizer": "sgd"})
    adam: Adam = Adam(when={"optimizer": "adam"})

def train(config):
    assert type(config["kernel_sizes"]) is tuple
    chosen = config[config["optimizer"]]
    assert chosen["rate"] == config[f"{config.optimizer}.rate"] == chosen.rate
    for epoch in range(1, 4):
        yield {"valid_loss": (sum(config["kernel_sizes"]) + chosen["rate"]) / epoch}

train.space = Net
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """``nested_net:train``, importable here and in the workers of a Ray that starts after."""
    (tmp_path / "nested_net.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    yield "nested_net:train"
    sys.modules.pop("nested_net", None)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of 30 trials that a program asked for."""
    sweep = Sweep("ask-random", space=SPACE, trials=30, epochs=2, seed=3)
    with sweep.ask_tell(runs=tmp_path_factory.mktemp("runs")) as study:
        for _ in range(30):
            trial = study.ask()
            rate = trial.config[trial.config.optimizer].rate
            for epoch in (1, 2):
                study.tell(trial, {"valid_loss": sum(trial.config["kernel_sizes"]) + rate / epoch})
    return study.run


def joint() -> JointSpace:
    return JointSpace(inline_space(SPACE), NoTraining())


def orch(*words: object) -> Any:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_a_sweep_s_file_says_groups_and_lists_and_reads_back_the_same(tmp_path: Path) -> None:
    spec = spec_from({"command": "python x.py {config}", "space": SPACE})
    file = tmp_path / "sweep.yaml"
    file.write_text(to_yaml(spec.dump()))
    again = read_spec(file)
    assert again == spec
    assert again.joint.parameters() == joint().parameters()
    assert "values:\n    - [3, 3]\n" in file.read_text()


def test_one_key_of_a_domain_in_a_group_is_set_and_a_group_keeps_a_domain() -> None:
    values = {"command": "python x.py {config}", "space": SPACE}
    spec = spec_from(values, setting("space.sgd.rate.high=0.1"), setting("space.sgd.momentum=0.5"))
    parameters = spec.joint.parameters()
    sgd = {"optimizer": ("sgd",)}
    assert parameters["sgd.rate"] == Float(1e-3, 0.1, log=True, when=sgd)
    assert parameters["sgd.momentum"] == Float(0.5, 0.5, when=sgd)
    with pytest.raises(ConfigurationError) as caught:
        spec_from(values, setting("space.adam.rate=0.01"))
    assert str(caught.value).startswith("space.adam: this is no domain. Give low and high, or")


def test_a_command_gets_lists_as_json_and_groups_as_objects() -> None:
    space = joint()
    config = space.validate({"kernel_sizes": [5, 3], "optimizer": "adam", "adam": {"rate": 0.01}})
    command = "train --sizes {kernel_sizes} --config {config}"
    check(command, space.parameters())
    *_, sizes, _, whole = filled_in(command, config)
    assert sizes == "[5, 3]"
    assert json.loads(whole) == {
        "kernel_sizes": [5, 3], "optimizer": "adam", "adam": {"rate": 0.01}
    }  # fmt: skip
    optim = inline_space({"optim": {"rate": {"low": 0.0, "high": 1.0}, "fixed": {"values": [[1]]}}})
    check("train {optim.rate}", optim.parameters())
    assert filled_in("train --rate={optim.rate}", {"optim.rate": 0.5}) == ["train", "--rate=0.5"]
    with pytest.raises(ConfigurationError) as caught:
        check("train {optim.rat}", optim.parameters())
    assert str(caught.value).startswith(
        "command: {optim.rat} is no parameter of the space. Did you mean {optim.rate}?"
    )
    with pytest.raises(ConfigurationError, match=r"sgd\.rate} is not there in every trial"):
        check("train {sgd.rate}", space.parameters())


def test_what_people_ask_for_may_be_nested_and_a_space_in_a_group_can_be_edited() -> None:
    space, rng = joint(), np.random.default_rng(0)
    base = space.validate({"kernel_sizes": [3, 3], "optimizer": "adam", "adam.rate": 0.01})
    wanted = {"kernel_sizes": [7, 5, 3], "optimizer": "sgd", "sgd": {"rate": 0.5}}
    config = filled(space, wanted, base=base, rng=rng, facts=None)
    assert config["kernel_sizes"] == (7, 5, 3)
    assert (config.sgd.rate, "adam" in config) == (0.5, False)
    with pytest.raises(ConfigurationError, match=r"^kernel_sizes: \[9\] is not one of \[3, 3\]"):
        filled(space, {"kernel_sizes": [9]}, base=base, rng=rng, facts=None)
    changes = {"space": {"sgd": {"rate": {"high": 2.0}}, "kernel_sizes": {"values": [[9], [3, 3]]}}}
    made = edited(space, changes)
    assert made.parameters()["sgd.rate"] == Float(1e-3, 2.0, log=True, when={"optimizer": ("sgd",)})
    assert made.parameters()["kernel_sizes"] == Choice([[9], [3, 3]])
    assert made.parameters()["adam.rate"] == space.parameters()["adam.rate"]
    with pytest.raises(ConfigurationError, match="were of type list and would be of type str"):
        edited(space, {"space": {"kernel_sizes": {"values": [[9], "auto"]}}})
    fixed = edited(space, {"space": {"sgd": {"rate": 0.1}}})
    with pytest.raises(ConfigurationError, match=r"^space\.sgd\.rate: it is a constant now, 0\.1,"):
        edited(fixed, {"space": {"sgd": {"rate": {"high": 2.0}}}})


def test_a_journal_gives_back_the_very_configs(asked: RunFolder) -> None:
    records = [e.record for e in read(asked.journal) if isinstance(e.record, TrialStarted)]
    assert len(records) == 30
    space = asked.spec().joint
    for record in records:
        config = space.validate(record.config)
        assert dict(config) == record.config
        assert known(config) == known(space.validate(json.loads(json.dumps(dict(config)))))


def test_tables_have_lists_as_text_and_a_column_for_each_name(asked: RunFolder) -> None:
    trials = pl.read_parquet(asked.trials)
    assert trials.schema["config.kernel_sizes"] == pl.String
    assert set(trials["config.kernel_sizes"]) <= {"[3, 3]", "[5, 3]", "[7, 5, 3]"}
    sgd = trials["config.optimizer"] == "sgd"
    assert (trials["config.sgd.rate"].is_not_null() == sgd).all()
    assert (trials["config.adam.rate"].is_null() == sgd).all()
    run = load_run(asked.path)
    best = run.trial(int(trials["number"][0]))
    assert best.config["kernel_sizes"] == [3, 3]
    (sizes,) = (one for one in run.meta.parameters if one.name == "kernel_sizes")
    places = sizes.to_unit(run.trials["config.kernel_sizes"])
    texts = ["[3, 3]", "[5, 3]", "[7, 5, 3]"]
    expected = [(texts.index(one) + 0.5) / 3 for one in run.trials["config.kernel_sizes"]]
    assert places.tolist() == pytest.approx(expected)
    assert [text for _, text in sizes.ticks()] == texts


def test_advice_to_fix_a_list_or_a_value_in_a_group_can_be_typed(asked: RunFolder) -> None:
    run = load_run(asked.path)
    effects = (
        Effect("sgd.rate", 0.9, 0.05, False),
        Effect("sgd.momentum", 0.02, 0.01, True),
        Effect("kernel_sizes", 0.01, 0.01, True),
    )
    advice = idle(run, Importance(full(run), effects, noise=0.05, r2=0.9))
    _, momentum, sizes = advice.words()
    assert sizes == "--set 'space.kernel_sizes.values=[[3, 3]]'"
    assert momentum.startswith("--set space.sgd.momentum=0.")
    values = {"command": "python x.py {config}", "space": SPACE}
    texts = [line.removeprefix("--set ").strip("'") for line in (momentum, sizes)]
    spec = spec_from(values, *map(setting, texts))
    assert spec.joint.parameters()["kernel_sizes"] == Choice([[3, 3]])
    assert "  kernel_sizes:\n    values: [[3, 3]]" in advice.yaml


def test_the_winner_is_printed_nested_and_can_be_asked_for_again(asked: RunFolder) -> None:
    runs = asked.path.parent
    shown = orch("best", asked.id, "--format", "json", "--runs", runs)
    best = json.loads(shown.stdout)
    assert best["kernel_sizes"] == [3, 3]
    chosen = best["optimizer"]
    assert isinstance(best[chosen]["rate"], float)
    lines = orch("best", asked.id, "--runs", runs).stdout.splitlines()
    assert "kernel_sizes: [3, 3]" in lines
    assert any(line.startswith(f"{chosen}: {{rate: ") for line in lines)
    space = asked.spec().joint
    assert space.validate(best) == filled(
        space, best, base=space.sample(np.random.default_rng(1)), rng=np.random.default_rng(2),
        facts=None,
    )  # fmt: skip
    document = json.loads(orch("show", asked.id, "--json", "--runs", runs).stdout)
    config = document["trials"][0]["config"]
    assert config["kernel_sizes"] == [3, 3]
    assert config[f"{chosen}.rate"] == best[chosen]["rate"]
    assert "  [3, 3]  " in orch("show", asked.id, "--runs", runs).stdout


def test_one_trial_can_be_tried_with_a_list_and_a_value_in_a_group(module: str) -> None:
    tried = orch(
        "try", module, "--json", "--set", "kernel_sizes=[5, 3]", "--set", "optimizer=adam",
        "--set", "adam.rate=0.02",
    )  # fmt: skip
    document = json.loads(tried.stdout)
    assert document["config"] == {"kernel_sizes": [5, 3], "optimizer": "adam", "adam.rate": 0.02}
    assert document["epochs"][0]["valid_loss"] == pytest.approx(8.02)


class Interrupt:
    """Interrupts the sweep at an epoch of trial 2."""

    def __call__(self, folder: RunFolder, spec: SweepSpec) -> Interrupt:
        return self

    def note(self, record: Record) -> None:
        if isinstance(record, EpochReported) and (record.number, record.epoch) == (2, 1):
            raise KeyboardInterrupt

    def tick(self) -> None: ...


@pytest.fixture
def ray_here() -> Iterator[None]:
    """One Ray for a sweep and its resume."""
    import ray

    ray.init(
        "local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield
    ray.shutdown()


@pytest.mark.usefixtures("ray_here")
def test_a_function_is_swept_and_resumed_with_lists_and_groups(module: str, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 6, "epochs": 3, "seed": 1, "concurrency": 1}
    changes["searcher"] = {"kind": "hyperopt", "n_startup_jobs": 3}
    with pytest.raises(KeyboardInterrupt):
        Sweep(f"{module}-hyperopt", **changes).run(tmp_path, watch=Interrupt())
    done = orchestrator.resume(runs=tmp_path)
    assert done.trials["state"].to_list().count("failed") == 0
    rows = done.trials.sort("number").rows(named=True)
    assert [row["number"] for row in rows] == list(range(6))
    for row in rows:
        rate = row[f"config.{row['config.optimizer']}.rate"]
        first = sum(json.loads(row["config.kernel_sizes"])) + rate
        assert row["objective"] == pytest.approx(first / row["epochs"])
    assert done.best is not None
    assert done.best["kernel_sizes"] in ([3, 3], [5, 3], [7, 5, 3])
