"""A config trained several times side by side, by the trial that holds the trainings."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from searchspaces import ConfigurationError, GruSpace, JointSpace, MlpSpace, OrchError, Training
from trainables.architecture_trial import ArchitectureTrial
from trainables.bundle import unbundled
from trainables.data.folds import Fold, FoldedData
from trainables.data.scale import Scale
from trainables.outcomes import EpochDone, EpochFailed, NothingLeft, Outcome
from trainables.programs.function import FunctionTrial, State
from trainables.several import SeveralTrial, mean, seeds_of
from trainables.testing import made_up_data
from trainables.trial import Trial

DATA = made_up_data()
GRU = {
    "num_layers": 2,
    "hidden_size": 16,
    "dropout": 0.4,
    "learning_rate": 0.01,
    "batch_size": 16,
}
MLP = {
    "h1": 16,
    "h2": 16,
    "depth": 2,
    "dropout": 0.2,
    "pooling": "mean",
    "learning_rate": 0.01,
    "batch_size": 16,
}
SPACES = {"gru": JointSpace(GruSpace(), Training()), "mlp": JointSpace(MlpSpace(), Training())}
PATIENT = JointSpace(GruSpace(), Training(patience=1, learning_rate=0.09))
"""Ends early, and not with every seed at the same epoch."""
WILD = JointSpace(MlpSpace(), Training(learning_rate=1e30, clip_norm=0.0, optimizer="sgd"))
"""Diverges."""


def folded(count: int = 3) -> FoldedData:
    """The series of ``DATA`` in folds."""
    whole = DATA.train
    rows = np.arange(len(whole))
    folds = tuple(
        Fold(rest, rows[rows % count == fold], Scale.of(whole.take(rest)))
        for fold in range(count)
        for rest in [rows[rows % count != fold]]
    )
    return FoldedData(whole, folds, DATA.facts, "made-up", "none", DATA.labels)


def networks(
    name: str = "gru", *, data: Any = DATA, space: JointSpace | None = None, **how: Any
) -> SeveralTrial:
    """Trainings of a network."""
    return SeveralTrial.bare(
        kind=ArchitectureTrial,
        architecture=name,
        space=space or SPACES[name],
        metrics=("valid_loss",),
        data=data,
        **how,
    )


def plain(
    name: str = "gru", *, data: Any = DATA, space: JointSpace | None = None
) -> ArchitectureTrial:
    return ArchitectureTrial.bare(architecture=name, space=space or SPACES[name], data=data)


def epochs(trial: Trial, count: int) -> list[dict[str, float]]:
    """Metrics of the next epochs, but for their seconds."""
    found = []
    for _ in range(count):
        outcome = trial.run_epoch()
        assert isinstance(outcome, EpochDone), outcome
        found.append({k: v for k, v in outcome.metrics.items() if k != "epoch_seconds"})
    return found


def test_one_training_tells_what_a_plain_trial_tells_to_the_last_bit() -> None:
    alone, several = plain(), networks(seeds=1)
    alone.begin(GRU, seed=7)
    several.begin(GRU, seed=7)
    assert epochs(several, 3) == epochs(alone, 3)


def test_metrics_are_means_over_the_seeds_of_which_the_first_is_the_trials_own() -> None:
    several = networks(seeds=3)
    several.begin(GRU, seed=7)
    found = epochs(several, 2)
    seeds = seeds_of(7, 3)
    assert seeds[0] == 7
    assert len(set(seeds)) == 3
    each = []
    for seed in seeds:
        alone = plain()
        alone.begin(GRU, seed=seed)
        each.append(epochs(alone, 2))
    for epoch, told in enumerate(found):
        losses = [one[epoch]["valid_loss"] for one in each]
        assert len(set(losses)) == 3
        assert told["valid_loss"] == pytest.approx(np.mean(losses), rel=1e-15)
        assert told["valid_loss_std"] == pytest.approx(np.std(losses, ddof=1), rel=1e-12)
        assert told["accuracy"] == pytest.approx(np.mean([one[epoch]["accuracy"] for one in each]))
        assert (told["weights"], told["learning_rate"]) == (each[0][epoch]["weights"], 0.01)


def test_a_fold_trains_as_a_trial_on_its_split_would() -> None:
    data = folded()
    several = networks("mlp", data=data, folds=3)
    several.begin(MLP, seed=7)
    found = epochs(several, 2)
    losses = []
    for fold, seed in enumerate(seeds_of(7, 3)):
        alone = plain("mlp", data=data.fold(fold))
        alone.begin(MLP, seed=seed)
        losses.append([one["valid_loss"] for one in epochs(alone, 2)])
    assert [told["valid_loss"] for told in found] == [
        pytest.approx(statistics.fmean(each), rel=1e-15) for each in zip(*losses, strict=True)
    ]


def test_an_epoch_costs_the_seconds_of_all_trainings_and_their_data_lie_there_once() -> None:
    several = networks(data=folded(), folds=3, seeds=2)
    several.begin(GRU, seed=1)
    outcome = several.run_epoch()
    assert isinstance(outcome, EpochDone)
    held = [one.trial for one in several.trainings]
    assert [one.name for one in several.trainings][2:4] == [
        "fold 2 of 3, seed 1 of 2",
        "fold 2 of 3, seed 2 of 2",
    ]
    assert all(isinstance(one, ArchitectureTrial) for one in held)
    tasks = [one.learner.task for one in held if isinstance(one, ArchitectureTrial)]
    assert len({id(task.train.series.values) for task in tasks}) == 1
    assert len({id(task) for task in tasks}) == 3
    each = [one.at(1)["epoch_seconds"] for one in several.trainings]
    assert outcome.metrics["epoch_seconds"] == math.fsum(each)


@pytest.mark.parametrize("how", [{"seeds": 3}, {"folds": 3}, {"folds": 3, "seeds": 2}])
def test_a_paused_trial_goes_on_bit_for_bit_on_another_object(how: dict[str, int]) -> None:
    data = folded() if "folds" in how else DATA
    whole = networks(data=data, **how)
    whole.begin(GRU, seed=3)
    expected = epochs(whole, 5)
    first = networks(data=data, **how)
    first.begin(GRU, seed=3)
    found = epochs(first, 2)
    state = first.freeze()
    first.begin(GRU | {"hidden_size": 20}, seed=9)  # the object holds another one
    epochs(first, 1)
    second = networks(data=data, **how)
    second.begin(GRU, seed=3, epoch=2, state=state)
    found += epochs(second, 1)
    first.begin(GRU, seed=3, epoch=3, state=second.freeze())
    assert found + epochs(first, 2) == expected
    assert first.freeze() == whole.freeze()


def test_a_clone_goes_on_in_every_training_with_the_other_config() -> None:
    source = networks(seeds=2)
    source.begin(GRU, seed=3)
    epochs(source, 2)
    states = unbundled(source.freeze()).states
    other = GRU | {"learning_rate": 0.003}
    clone = networks(seeds=2)
    clone.begin(other, seed=11, epoch=2, state=source.freeze())
    [found] = epochs(clone, 1)
    losses = []
    for seed, state in zip(seeds_of(11, 2), states, strict=True):
        alone = plain()
        alone.begin(other, seed=seed, epoch=2, state=state)
        losses.append(epochs(alone, 1)[0]["valid_loss"])
    assert found["valid_loss"] == pytest.approx(statistics.fmean(losses), rel=1e-15)
    assert found["learning_rate"] == 0.003


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SeveralTrial]:
    """Trainings of a function."""

    def make(
        function: Any,
        *,
        seeds: int = 3,
        epochs: int = 9,
        metrics: Sequence[str] = ("valid_loss",),
        apart: Sequence[str] = (),
        **config: Any,
    ) -> SeveralTrial:
        module = type(sys)("own_several")
        module.train = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "own_several", module)
        made = SeveralTrial.bare(
            kind=FunctionTrial,
            target="own_several:train",
            epochs=epochs,
            metrics=metrics,
            apart=apart,
            seeds=seeds,
        )
        made.begin(config, seed=0)
        return made

    return make


def of_seed(state: State) -> int:
    """Which of three seeds it is."""
    return seeds_of(0, 3).index(state.seed)


def saving(config: dict[str, Any], state: State) -> Iterator[dict[str, float]]:
    """Draws; seed 1 saves each fourth epoch, seed 2 ends after six."""
    kept = state.load() or {"sum": 0.0}
    mine = of_seed(state)
    while state.epoch < (6 if mine == 2 else state.epochs):
        kept["sum"] += float(np.random.rand())  # noqa: NPY002  # as users do
        if mine != 1 or state.epoch % 4 == 3:
            state.save(kept)
        yield {"valid_loss": kept["sum"], f"own_{mine}": 1.0, "f1": 0.5}


def outcomes(trial: Trial, count: int) -> list[Outcome]:
    return [trial.run_epoch() for _ in range(count)]


@pytest.mark.parametrize("pause", range(1, 9))
def test_functions_that_save_at_epochs_of_their_own_go_on_exactly(
    functions: Callable[..., SeveralTrial], pause: int
) -> None:
    expected = outcomes(functions(saving), 10)
    assert expected[-1] == NothingLeft("the function returned")
    first = functions(saving)
    outcomes(first, pause)
    at = first.frozen_epoch(pause)
    assert at == pause - pause % 4
    if not at:
        return
    second = functions(saving)
    second.begin({}, seed=0, epoch=at, state=first.freeze())
    found = outcomes(second, 10 - at)
    assert found == expected[at:]


def test_a_training_that_ends_early_counts_on_as_it_was(
    functions: Callable[..., SeveralTrial],
) -> None:
    def train(config: Any, state: State) -> Iterator[dict[str, float]]:
        while state.epoch < 2 + of_seed(state):
            yield {"valid_loss": 10.0 * of_seed(state) + state.epoch}

    found = outcomes(functions(train), 5)
    means = [one.metrics["valid_loss"] for one in found if isinstance(one, EpochDone)]
    assert means == [10, 11, (1 + 12 + 22) / 3, (1 + 12 + 23) / 3]
    assert found[4] == NothingLeft("the function returned")


def test_a_network_without_patience_left_waits_for_the_others() -> None:
    config = GRU | {"learning_rate": 0.09}
    lengths, reasons = [], set()
    for seed in seeds_of(5, 3):
        alone = plain(space=PATIENT)
        alone.begin(config, seed=seed)
        outcome, length = alone.run_epoch(), 1
        while isinstance(outcome, EpochDone) and not outcome.finished and length < 60:
            outcome, length = alone.run_epoch(), length + 1
        assert isinstance(outcome, EpochDone)
        lengths.append(length)
        reasons.add(outcome.finished)
    assert len(set(lengths)) > 1
    several = networks(seeds=3, space=PATIENT)
    several.begin(config, seed=5)
    told = outcomes(several, max(lengths))
    finished = [one.finished for one in told if isinstance(one, EpochDone)]
    assert finished == [""] * (max(lengths) - 1) + ["; ".join(reasons)]
    paused = networks(seeds=3, space=PATIENT)
    paused.begin(config, seed=5)
    at = min(lengths)
    outcomes(paused, at)
    state = paused.freeze()
    paused.begin(config, seed=5, epoch=at, state=state)
    again = [one.metrics for one in outcomes(paused, max(lengths) - at)]  # type: ignore[union-attr]
    wanted = [one.metrics for one in told[at:]]  # type: ignore[union-attr]
    for one, other in zip(again, wanted, strict=True):
        assert {**one, "epoch_seconds": 0} == {**other, "epoch_seconds": 0}


def test_a_training_that_fails_is_named_and_ends_the_trial(
    functions: Callable[..., SeveralTrial],
) -> None:
    def train(config: Any, state: State) -> Iterator[dict[str, float]]:
        yield {"valid_loss": math.nan if of_seed(state) == 1 else 1.0}

    def raises(config: Any, state: State) -> Iterator[dict[str, float]]:
        if of_seed(state) == 2:
            raise ValueError("too many")
        yield {"valid_loss": 1.0}

    outcome = functions(train).run_epoch()
    assert isinstance(outcome, EpochFailed)
    assert outcome.reason == "seed 2 of 3: valid_loss is not finite at epoch 1"
    with pytest.raises(ValueError, match="too many") as error:
        functions(raises).run_epoch()
    assert error.value.__notes__ == ["in seed 3 of 3"]


def test_a_network_that_diverges_is_named() -> None:
    several = networks("mlp", seeds=2, space=WILD)
    several.begin(MLP | {"learning_rate": 1e30}, seed=0)
    found = [several.run_epoch() for _ in range(3)]
    failed = next(one for one in found if isinstance(one, EpochFailed))
    assert failed.reason.startswith("seed 1 of 2: ")
    assert not failed.infeasible


def test_a_metric_with_the_name_of_the_deviation_is_refused(
    functions: Callable[..., SeveralTrial],
) -> None:
    def train(config: Any, state: State) -> Iterator[dict[str, float]]:
        yield {"valid_loss": 1.0, "valid_loss_std": 2.0}

    with pytest.raises(ConfigurationError) as error:
        functions(train).run_epoch()
    assert str(error.value) == (
        "metric: 'valid_loss_std' is reported, which is what orch calls the deviation of "
        "valid_loss over seeds and folds. Give it another name."
    )


def test_only_metrics_that_all_trainings_tell_are_told(
    functions: Callable[..., SeveralTrial],
) -> None:
    outcome = functions(saving).run_epoch()
    assert isinstance(outcome, EpochDone)
    assert set(outcome.metrics) == {"valid_loss", "valid_loss_std", "f1"}


def test_every_damage_to_a_state_is_noticed() -> None:
    several = networks("mlp", seeds=2)
    several.begin(MLP, seed=0)
    epochs(several, 1)
    state = several.freeze()
    alone = plain("mlp")
    alone.begin(MLP, seed=0)
    epochs(alone, 1)
    flipped = bytearray(state)
    flipped[-20] ^= 1
    for wrong in (state[: len(state) // 2], bytes(flipped), b"", alone.freeze()):
        with pytest.raises(OrchError, match="checkpoint is damaged"):
            several.begin(MLP, seed=0, epoch=1, state=wrong)


def test_a_state_of_another_number_of_trainings_is_refused() -> None:
    two, three = networks("mlp", seeds=2), networks("mlp", seeds=3)
    two.begin(MLP, seed=0)
    epochs(two, 1)
    with pytest.raises(OrchError) as error:
        three.begin(MLP, seed=0, epoch=1, state=two.freeze())
    assert str(error.value) == (
        "checkpoint holds 2 trainings, and a trial has 3. Put seeds and folds back as they were."
    )


def test_means_of_equal_and_of_infinite_values_are_exact() -> None:
    assert mean([0.1, 0.1, 0.1]) == 0.1
    assert mean([1e308, 1e308, 1e308, -1e308]) == 5e307
    assert math.isinf(mean([math.inf, 1.0]))
    assert math.isnan(mean([math.inf, -math.inf]))


def test_functions_are_handed_their_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def train(config: Any, state: State) -> Iterator[dict[str, float]]:
        assert state.data is not None
        seen.append((len(state.data.train), len(state.data.valid)))
        yield {"valid_loss": float(state.data.train.values.sum())}

    module = type(sys)("own_folded")
    module.train = train  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_folded", module)
    data = folded()
    several = SeveralTrial.bare(
        kind=FunctionTrial,
        target="own_folded:train",
        epochs=1,
        metrics=("valid_loss",),
        folds=3,
        data=data,
    )
    several.begin({}, seed=0)
    several.run_epoch()
    assert seen == [(len(fold.train), len(fold.valid)) for fold in data.folds]


def test_a_further_objective_may_be_unknown_as_in_a_trial_with_one_training(
    functions: Callable[..., SeveralTrial],
) -> None:
    def train(config: Any, state: State) -> Iterator[dict[str, float]]:
        yield {"valid_loss": 1.0, "f1": math.nan if of_seed(state) else 0.5}

    outcome = functions(train, metrics=("valid_loss", "f1")).run_epoch()
    assert isinstance(outcome, EpochDone)
    assert outcome.metrics["valid_loss_std"] == 0.0
    assert math.isnan(outcome.metrics["f1"])
    assert math.isnan(outcome.metrics["f1_std"])


def test_a_deviation_is_told_of_whatever_it_is_asked_of(
    functions: Callable[..., SeveralTrial],
) -> None:
    """But where the trainings tell one of that name: then that is meant, and its mean is told."""

    def train(config: Any, state: State) -> Iterator[dict[str, float]]:
        seed = of_seed(state)
        yield {"valid_loss": 1.0 + seed, "f1": 0.1 * seed, "steps": 7.0, "steps_std": 3.0 * seed}

    asked = ("valid_loss", "f1", "steps", "nothing")
    told = functions(train, apart=asked).run_epoch().metrics  # type: ignore[union-attr]
    assert told == {
        "valid_loss": 2.0,
        "valid_loss_std": 1.0,
        "f1": pytest.approx(0.1),
        "f1_std": pytest.approx(0.1),
        "steps": 7.0,
        "steps_std": 3.0,
    }


def test_a_metric_and_its_deviation_may_both_be_objectives(
    functions: Callable[..., SeveralTrial],
) -> None:
    def train(config: Any, state: State) -> Iterator[dict[str, float]]:
        yield {"valid_loss": 1.0 + of_seed(state)}

    for metrics in (("valid_loss", "valid_loss_std"), ("valid_loss_std", "valid_loss")):
        made = functions(train, metrics=metrics, apart=("valid_loss",))
        told = made.run_epoch().metrics  # type: ignore[union-attr]
        assert told == {"valid_loss": 2.0, "valid_loss_std": 1.0}
