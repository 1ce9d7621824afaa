"""Several trainings of a LightningModule at a time: each is as it would be alone."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
import torch

from searchspaces import Float, FloatParam, SearchSpace
from trainables.outcomes import EpochDone, NothingLeft
from trainables.several import SeveralTrial, seeds_of

lightning = pytest.importorskip(
    "pytorch_lightning", reason="the extra is not installed: pip install orch-sweep[lightning]"
)
from trainables.programs.lightning import LightningTrial  # noqa: E402  # needs the package

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning advises


class LitSpace(SearchSpace):
    learning_rate: FloatParam = Float(1e-3, 1e-1, log=True)


class Drawing(lightning.LightningModule):  # type: ignore[misc]  # the package may be absent
    """Draws its weights, its dropout and the order of its batches."""

    space = LitSpace

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.rate = config["learning_rate"]
        self.net = torch.nn.Sequential(torch.nn.Dropout(0.3), torch.nn.Linear(4, 1))

    def training_step(self, batch: Any, index: int) -> Any:
        inputs, targets = batch
        return torch.nn.functional.mse_loss(self.net(inputs), targets)

    def validation_step(self, batch: Any, index: int) -> None:
        inputs, targets = batch
        self.log("valid_loss", torch.nn.functional.mse_loss(self.net(inputs), targets))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.rate)

    def train_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(_data(64), 16, shuffle=True)

    def val_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(_data(32), 16)


def _data(count: int) -> Any:
    inputs = torch.randn(count, 4, generator=torch.Generator().manual_seed(count))
    return torch.utils.data.TensorDataset(inputs, inputs.sum(1, keepdim=True))


TARGET = {"target": f"{__name__}:Drawing", "epochs": 4, "device": "cpu"}
CONFIG = {"learning_rate": 0.01}


def test_modules_in_turns_are_as_they_are_alone_and_go_on_exactly() -> None:
    alone = LightningTrial.bare(**TARGET)
    losses = []
    for seed in seeds_of(3, 2):
        alone.begin(CONFIG, seed=seed)
        losses.append([alone.run_epoch().metrics["valid_loss"] for _ in range(4)])  # type: ignore[union-attr]
    alone.release()
    expected = [statistics.fmean(each) for each in zip(*losses, strict=True)]

    def several() -> SeveralTrial:
        return SeveralTrial.bare(kind=LightningTrial, metrics=("valid_loss",), seeds=2, **TARGET)

    whole, paused = several(), several()
    whole.begin(CONFIG, seed=3)
    outcomes = [whole.run_epoch() for _ in range(5)]
    assert outcomes.pop() == NothingLeft("the function returned")
    assert all(isinstance(each, EpochDone) for each in outcomes)
    assert [each.metrics["valid_loss"] for each in outcomes] == expected  # type: ignore[union-attr]
    paused.begin(CONFIG, seed=3)
    paused.run_epoch()
    paused.run_epoch()
    paused.begin(CONFIG, seed=3, epoch=2, state=paused.freeze())
    assert [paused.run_epoch() for _ in range(2)] == outcomes[2:]
    for one in (whole, paused):
        one.release()
