"""LightningModules, with the real package."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from searchspaces import ConfigurationError, DataFacts, Float, FloatParam, SearchSpace, UsageError
from trainables.data.part import Part, SweepData
from trainables.outcomes import EpochDone, NothingLeft, Outcome
from trainables.programs import Form, program_of

lightning = pytest.importorskip(
    "pytorch_lightning", reason="the extra is not installed: pip install orch-sweep[lightning]"
)
from trainables.programs.lightning import LightningTrial  # noqa: E402  # needs the package

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning advises


class LitSpace(SearchSpace):
    learning_rate: FloatParam = Float(1e-3, 1e-1, log=True)


def batches(count: int) -> Any:
    generator = torch.Generator().manual_seed(count)
    inputs = torch.randn(count, 4, generator=generator)
    dataset = torch.utils.data.TensorDataset(inputs, inputs.sum(1, keepdim=True))
    return torch.utils.data.DataLoader(dataset, 16)


EVENTS: list[str] = []


class Lit(lightning.LightningModule):  # type: ignore[misc]  # the package may be absent
    """A linear regression with a schedule, its own data and its own hooks."""

    space = LitSpace

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.rate = config["learning_rate"]
        self.net = torch.nn.Linear(4, 1)

    def training_step(self, batch: Any, index: int) -> Any:
        inputs, targets = batch
        loss = torch.nn.functional.mse_loss(self.net(inputs), targets)
        self.log("train_loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        inputs, targets = batch
        self.log("valid_loss", torch.nn.functional.mse_loss(self.net(inputs), targets))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.rate)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]

    def on_train_epoch_start(self) -> None:
        EVENTS.append(f"epoch {self.current_epoch}")

    def on_train_epoch_end(self) -> None:
        self.log("rate", self.trainer.optimizers[0].param_groups[0]["lr"])

    def on_fit_end(self) -> None:
        EVENTS.append("end")

    def train_dataloader(self) -> Any:
        return batches(64)

    def val_dataloader(self) -> Any:
        return batches(32)


class Classifier(lightning.LightningModule):  # type: ignore[misc]  # the package may be absent
    """Trains on the data set that the sweep names."""

    space = LitSpace

    def __init__(self, config: Any, facts: DataFacts) -> None:
        super().__init__()
        self.rate = config["learning_rate"]
        self.head = torch.nn.Linear(facts.features, facts.classes)

    def step(self, batch: Any) -> Any:
        values, lengths, labels = batch
        assert values.shape[1] == lengths.max()
        logits = self.head(values.sum(dim=1) / lengths[:, None])
        return torch.nn.functional.cross_entropy(logits, labels)

    def training_step(self, batch: Any, index: int) -> Any:
        return self.step(batch)

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("valid_loss", self.step(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.rate)


class Random(Lit):
    """Draws in every batch, and in the order of them."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.net = torch.nn.Sequential(torch.nn.Dropout(0.3), torch.nn.Linear(4, 1))

    def train_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(batches(64).dataset, 16, shuffle=True)


class Watched(Lit):
    """Brings callbacks of its own."""

    trainer_settings: ClassVar[dict[str, Any]] = {"callbacks": [lightning.Callback()]}


class Rare(Lit):
    trainer_settings: ClassVar[dict[str, Any]] = {"check_val_every_n_epoch": 2}


class Broken(Lit):
    def training_step(self, batch: Any, index: int) -> Any:
        if self.current_epoch == 1:
            raise ValueError("in the second epoch")
        return super().training_step(batch, index)


class Impatient(Lit):
    def configure_callbacks(self) -> Any:
        return [lightning.callbacks.EarlyStopping("valid_loss", patience=1, min_delta=100.0)]


class Pickled(Lit):
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["mine"] = {"object": object()}


class Silent(Lit):
    """Logs nothing."""

    def training_step(self, batch: Any, index: int) -> Any:
        inputs, targets = batch
        return torch.nn.functional.mse_loss(self.net(inputs), targets)

    def validation_step(self, batch: Any, index: int) -> None: ...

    def on_train_epoch_end(self) -> None: ...


class Bare(lightning.LightningModule):  # type: ignore[misc]  # the package may be absent
    """Has no data."""

    space = LitSpace

    def __init__(self, config: Any) -> None:
        super().__init__()


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., LightningTrial]]:
    """A Trainable of a module, holding a trial of it."""
    module = type(sys)("own_lightning")
    for cls in (Lit, Random, Watched, Rare, Classifier, Broken, Impatient, Pickled, Silent, Bare):
        setattr(module, cls.__name__, cls)
    monkeypatch.setitem(sys.modules, "own_lightning", module)
    EVENTS.clear()
    held: list[LightningTrial] = []

    def make(name: str, *, epochs: int = 6, data: Any = None) -> LightningTrial:
        made = LightningTrial.bare(
            target=f"own_lightning:{name}", epochs=epochs, device="cpu", data=data
        )
        held.append(made)
        made.begin({"learning_rate": 0.03}, seed=3)
        return made

    yield make
    for one in held:
        one.release()


def losses(outcomes: list[Outcome]) -> list[float]:
    return [done.metrics["valid_loss"] for done in outcomes if isinstance(done, EpochDone)]


def test_a_lightning_module_is_found_as_one(hold: Callable[..., LightningTrial]) -> None:
    found = program_of("own_lightning:Lit")
    assert (found.form, found.space, found.can_pause) == (Form.LIGHTNING, LitSpace, True)


def test_an_epoch_is_lightning_s_epoch_with_all_that_was_logged(
    hold: Callable[..., LightningTrial],
) -> None:
    """The rate halves after each epoch, as StepLR says."""
    held = hold("Lit", epochs=3)
    outcomes = [held.run_epoch() for _ in range(4)]
    rates = [done.metrics["rate"] for done in outcomes if isinstance(done, EpochDone)]
    assert rates == pytest.approx([0.015, 0.0075, 0.00375])
    assert losses(outcomes) == sorted(losses(outcomes), reverse=True)
    assert all("train_loss" in done.metrics for done in outcomes if isinstance(done, EpochDone))
    assert isinstance(outcomes[3], NothingLeft)
    assert EVENTS == ["epoch 0", "epoch 1", "epoch 2", "end"]


def test_lightning_s_own_early_stopping_completes_the_trial(
    hold: Callable[..., LightningTrial],
) -> None:
    held = hold("Impatient")
    outcomes = [held.run_epoch() for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [EpochDone, EpochDone, NothingLeft]


@pytest.mark.parametrize("name", ["Lit", "Random", "Watched"])
def test_a_module_goes_on_where_it_was_with_optimizer_schedule_and_draws(
    hold: Callable[..., LightningTrial], name: str
) -> None:
    """The same numbers to the last bit."""
    whole = hold(name)
    expected = [whole.run_epoch() for _ in range(7)]
    first = hold(name)
    assert [first.run_epoch() for _ in range(3)] == expected[:3]
    state = first.freeze()
    first.release()
    second = hold(name)
    second.begin({"learning_rate": 0.03}, seed=3, epoch=3, state=state)
    assert [second.run_epoch() for _ in range(4)] == expected[3:]


def test_settings_that_orch_needs_for_itself_are_refused(
    hold: Callable[..., LightningTrial],
) -> None:
    with pytest.raises(ConfigurationError) as failure:
        hold("Rare").run_epoch()
    assert str(failure.value) == (
        "trainer_settings of Rare: check_val_every_n_epoch is orch's, which asks for the metrics "
        "of each epoch. Leave it out."
    )


def test_a_module_of_a_named_data_set_gets_its_batches(
    hold: Callable[..., LightningTrial],
) -> None:
    rng = np.random.default_rng(0)
    part = Part.from_series(
        [rng.normal(label, 0.1, (int(steps), 2)) for label, steps in
         zip([0, 1] * 40, rng.integers(2, 9, 80), strict=True)],
        [0, 1] * 40,
    )  # fmt: skip
    data = SweepData(
        name="made", train=part, valid=part, facts=DataFacts(2, 2, 8), labels=("a", "b"), split=""
    )
    held = hold("Classifier", data=data)
    found = losses([held.run_epoch() for _ in range(6)])
    assert found[-1] < found[0]


def test_what_a_module_raises_comes_out_as_it_is(hold: Callable[..., LightningTrial]) -> None:
    held = hold("Broken")
    held.run_epoch()
    with pytest.raises(ValueError, match="in the second epoch"):
        held.run_epoch()


def test_a_module_without_data_or_with_a_state_of_objects_is_one_line(
    hold: Callable[..., LightningTrial],
) -> None:
    with pytest.raises(ConfigurationError, match="Bare has no train_dataloader, and the sweep"):
        hold("Bare").run_epoch()
    with pytest.raises(UsageError, match=r"state\.save: a object at 'mine\.object' cannot be kept"):
        hold("Pickled").run_epoch()


def test_a_module_that_logs_nothing_or_wants_data_there_are_not_is_one_line(
    hold: Callable[..., LightningTrial],
) -> None:
    with pytest.raises(UsageError) as failure:
        hold("Silent").run_epoch()
    assert str(failure.value) == (
        "Silent logged no metric in epoch 1. Write self.log('valid_loss', loss) in validation_step."
    )
    with pytest.raises(ConfigurationError) as failure:
        hold("Classifier").run_epoch()
    assert str(failure.value) == (
        "Classifier takes the facts of a data set, and the sweep names none. Give --dataset, or "
        "write __init__(self, config)."
    )


def test_lightning_says_nothing_of_its_own_between_epochs(
    hold: Callable[..., LightningTrial], caplog: pytest.LogCaptureFixture
) -> None:
    held = hold("Lit")
    held.run_epoch()
    held.freeze()
    held.run_epoch()
    assert caplog.messages == []


def test_a_released_trial_ends_its_trainer(hold: Callable[..., LightningTrial]) -> None:
    import threading

    before = threading.active_count()
    held = hold("Lit")
    held.run_epoch()
    assert threading.active_count() == before + 1
    held.release()
    assert threading.active_count() == before
