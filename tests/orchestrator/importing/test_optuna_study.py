"""Optuna studies in real SQLite files."""

from __future__ import annotations

import hashlib
import math
import sys

import pytest

from analysis import analyze, load_run
from orchestrator.importing.optuna_study import read_optuna
from orchestrator.importing.write import write
from searchspaces import Choice, Float, Int
from searchspaces.errors import UsageError

optuna = pytest.importorskip("optuna")
pytestmark = pytest.mark.filterwarnings("ignore:.* is experimental")  # names of metrics

Floats = optuna.distributions.FloatDistribution
Ints = optuna.distributions.IntDistribution
Categories = optuna.distributions.CategoricalDistribution
SPACE = {
    "lr": Floats(1e-4, 1e-1, log=True),
    "dropout": Floats(0.0, 0.5, step=0.1),
    "units": Ints(16, 256, log=True),
    "layers": Ints(1, 4),
    "batch": Ints(32, 128, step=32),
    "act": Categories(["relu", "tanh"]),
}
CONFIG = {"lr": 0.01, "dropout": 0.2, "units": 64, "layers": 2, "batch": 64, "act": "relu"}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'a study.db'}"


@pytest.fixture
def make(url):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = []

    def study(name="study", **how):
        storage = optuna.storages.RDBStorage(url)
        made.append(storage)
        return optuna.create_study(study_name=name, storage=storage, **how)

    yield study
    for storage in made:
        storage.remove_session()
        storage.engine.dispose()


def trial(value=None, *, state="COMPLETE", steps=None, params=CONFIG, space=None, **more):
    space = {name: (space or SPACE)[name] for name in params}
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState[state], value=value, params=dict(params),
        distributions=space, intermediate_values=steps or {}, **more,
    )  # fmt: skip


def test_distributions_become_exact_domains(make, url):
    make().add_trial(trial(0.5))
    assert read_optuna(url).domains == {
        "lr": Float(1e-4, 1e-1, log=True), "dropout": Float(0.0, 0.5, step=0.1),
        "units": Int(16, 256, log=True), "layers": Int(1, 4), "batch": Int(32, 128, step=32),
        "act": Choice(("relu", "tanh")),
    }  # fmt: skip


def test_states_steps_and_values_become_trials_and_epochs(make, url):
    study = make(direction="maximize")
    study.add_trial(trial(0.9, steps={0: 0.5, 1: 0.9}))
    study.add_trial(trial(0.4, state="PRUNED", steps={0: 0.4}))
    study.add_trial(trial(state="FAIL", steps={0: math.nan}))
    study.add_trial(trial(state="RUNNING", steps={0: 0.3}))
    study.enqueue_trial({"lr": 0.01})
    foreign = read_optuna(url)
    assert [one.state.value for one in foreign.trials] == [
        "completed", "pruned", "failed", "interrupted",
    ]  # fmt: skip
    assert foreign.epochs.select("trial", "epoch", "metric.value").rows() == [
        (0, 1, 0.5), (0, 2, 0.9), (1, 1, 0.4), (2, 1, None), (3, 1, 0.3),
    ]  # fmt: skip
    assert (foreign.metric, foreign.mode) == ("value", "max")
    assert foreign.chosen == "recorded in the study"
    assert foreign.guessed == ("epochs: the first step, 0, is epoch 1",)
    assert foreign.skipped == ("1 trial that never began",)
    assert foreign.trials[2].error == "Optuna kept no reason"


def test_a_trial_without_steps_has_one_epoch(make, url):
    study = make()
    study.set_metric_names(["loss"])
    study.add_trial(trial(0.25))
    study.add_trial(trial(math.inf))
    foreign = read_optuna(url)
    assert foreign.epochs.select("epoch", "metric.loss").rows() == [(1, 0.25), (1, None)]
    assert (foreign.metric, foreign.max_epochs) == ("loss", 1)


def test_a_parameter_of_some_trials_is_inactive_in_others_and_ranges_unite(make, url):
    study = make()
    study.add_trial(trial(1.0, params={"lr": 0.01}))
    wide = {"lr": Floats(1e-5, 1e-2, log=True), "layers": Ints(1, 4)}
    study.add_trial(trial(2.0, params={"lr": 1e-5, "layers": 2}, space=wide))
    foreign = read_optuna(url)
    assert foreign.domains == {"lr": Float(1e-5, 1e-1, log=True), "layers": Int(1, 4)}
    assert dict(foreign.trials[0].config) == {"lr": 0.01}
    assert foreign.guessed == ("lr: ranges differ between trials; their union is taken",)


def test_none_among_choices_is_a_value_and_not_inactivity(make, url, tmp_path):
    space = {"clip": Categories([None, 1.0, 5])}
    study = make()
    for value in (None, 1.0, 5):
        study.add_trial(trial(1.0, params={"clip": value}, space=space))
    run = write(read_optuna(url), tmp_path / "runs").run
    loaded = load_run(run.path)
    assert loaded.trials["config.clip"].to_list() == ["none", "1.0", "5"]
    assert loaded.meta.parameters[0].domain == Choice(("none", "1.0", "5"))


def test_returned_values_that_were_not_reported_are_the_objective(make, url):
    study = make()
    study.add_trial(trial(0.2, steps={1: 0.9, 2: 0.8}))
    study.add_trial(trial(0.1, steps={1: 0.7, 2: 0.95}))
    foreign = read_optuna(url)
    assert foreign.epochs["metric.value"].to_list() == [None, 0.2, None, 0.1]
    assert foreign.epochs["metric.reported"].to_list() == [0.9, 0.8, 0.7, 0.95]
    assert foreign.guessed == (
        "2 of 2 completed trials return a value that they did not report: value is what they "
        "return; --metric reported takes the other",
    )
    assert read_optuna(url, metric="reported").metric == "reported"


def test_one_of_several_objectives_has_to_be_chosen(make, url):
    study = make(directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "speed"])
    study.add_trial(
        optuna.trial.create_trial(values=[0.5, 7.0], params={"lr": 0.01},
                                  distributions={"lr": SPACE["lr"]})
    )  # fmt: skip
    assert refused(url) == (
        "--metric: the study has 2 objectives. Give one, by number or name: 0 loss, 1 speed."
    )
    for chosen in ("1", "speed"):
        foreign = read_optuna(url, metric=chosen)
        assert (foreign.metric, foreign.mode) == ("speed", "max")
        assert foreign.epochs.select("metric.loss", "metric.speed").row(0) == (0.5, 7.0)
    assert refused(url, metric="2") == "unknown metric '2'. Known: loss, speed."


def refused(url, **how):
    with pytest.raises(UsageError) as error:
        read_optuna(url, **how)
    return str(error.value)


def test_the_study_has_to_be_named_where_there_are_several(make, url, tmp_path):
    make("one").add_trial(trial(1.0))
    make("two").add_trial(trial(2.0))
    assert refused(url) == (f"--study: {url} holds 2 studies. Give one of: one, two.")
    assert refused(url, study="tow") == "unknown study 'tow'. Did you mean 'two'? Known: two, one."
    assert read_optuna(url, study="two").name == "two"
    assert read_optuna(str(tmp_path / "a study.db"), study="two").source == url


def test_what_holds_no_study_is_refused_and_not_made_into_one(url, tmp_path):
    import sqlite3

    assert refused(url) == (
        f"no file {tmp_path / 'a study.db'}. Give the study's storage, such as "
        "sqlite:///study.db, or postgresql://USER@HOST/NAME"
    )
    text = tmp_path / "text.db"
    text.write_text("lr,loss\n")
    assert refused(str(text)) == f"{text} is no SQLite file, so it holds no Optuna study."
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE things (x)")
    database.close()
    assert refused(f"sqlite:///{other}") == (
        f"{other} is an SQLite file without an Optuna study in it."
    )
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    assert refused(str(damaged)).startswith(f"{damaged} is damaged: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.db", "other.db", "text.db"]


def test_reading_leaves_the_file_as_it_was(make, url, tmp_path):
    make().add_trial(trial(1.0))
    path = tmp_path / "a study.db"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    read_optuna(url)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_without_optuna_it_says_what_to_install(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert refused(url) == (
        "reading a study needs Optuna, which is not installed. Run: pip install optuna"
    )


def test_a_password_is_kept_nowhere():
    from orchestrator.importing.optuna_study import _source

    assert _source("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"


def test_a_study_with_a_pruner_is_analyzed_and_has_optunas_best_trial(make, url, tmp_path):
    study = make(
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=1),
        pruner=optuna.pruners.SuccessiveHalvingPruner(),
    )

    def objective(one):
        rate = one.suggest_float("lr", 1e-4, 1e-1, log=True)
        score = 0.0
        for step in range(9):
            score = (1 - abs(math.log10(rate) + 2.5) / 3) * (1 - 0.8 ** (step + 1))
            one.report(score, step)
            if one.should_prune():
                raise optuna.TrialPruned
        return score

    study.optimize(objective, n_trials=30)
    made = write(read_optuna(url), tmp_path / "runs")
    assert made.columns["lr"].inferred is False
    found = analyze(made.run.path, formats=("png",), only=("learning_curves",)).findings
    assert found.best.number == study.best_trial.number
    assert found.best.objective == pytest.approx(study.best_value)
    assert found.run.meta.max_epochs == 9
    assert set(found.run.trials["state"]) == {"completed", "pruned"}
