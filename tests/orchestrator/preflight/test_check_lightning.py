"""The check of LightningModules: on the sweep's data as it checks networks, else not at all."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.preflight.batches import has_batches
from orchestrator.sweep import Sweep
from searchspaces.errors import ConfigurationError

pytest.importorskip(
    "pytorch_lightning", reason="the extra is not installed: pip install orch-sweep[lightning]"
)

MODULES = """\
import pytorch_lightning
import torch

from searchspaces import Float, FloatParam, Int, IntParam, SearchSpace


class Space(SearchSpace):
    width: IntParam = Int(4, 64)
    batch_size: IntParam = Int(16, 64)


class Fine(pytorch_lightning.LightningModule):
    space = Space

    def __init__(self, config, facts):
        super().__init__()
        self.large = config["width"] == 64
        self.net = torch.nn.Sequential(
            torch.nn.Linear(facts.features, config["width"]),
            torch.nn.Linear(config["width"], facts.classes),
        )

    def step(self, batch):
        values, lengths, labels = batch
        logits = self.net(values.sum(dim=1) / lengths[:, None])
        return torch.nn.functional.cross_entropy(logits, labels)

    def training_step(self, batch, index):
        return self.step(batch)

    def validation_step(self, batch, index):
        self.log("valid_loss", self.step(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


class Raises(Fine):
    def __init__(self, config, facts):
        super().__init__(config, facts)
        if self.large:
            raise ValueError("too wide")


class Diverges(Fine):
    def validation_step(self, batch, index):
        self.log("valid_loss", self.step(batch) * (float("nan") if self.large else 1.0))


class Own(Raises):
    def train_dataloader(self):
        raise RuntimeError("this may take hours")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Sweeps over LightningModules of an own module."""
    (tmp_path / "own_lightning.py").write_text(MODULES)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "own_lightning", raising=False)

    def make(name, **changes):
        changes = {"dataset": "digits", "concurrency": 2, "device": "cpu", **changes}
        return Sweep(f"own_lightning:{name}", **changes)

    yield make
    sys.modules.pop("own_lightning", None)


def test_each_config_is_measured_on_a_few_batches_and_nothing_is_written(own, tmp_path):
    """A config whose objective is not finite has failed, as in a sweep."""
    sweep = own("Diverges")
    assert has_batches(sweep.spec)
    report = sweep.check()
    assert [one.name for one in report.tried[:3]] == ["smallest", "largest", "slowest"]
    assert (report.device, report.unchecked) == ("cpu", "")
    wide = [one.name for one in report.tried if one.config["width"] == 64]
    assert [(found.name, found.failure) for found in report.failures] == [
        (name, "valid_loss is not finite at epoch 1") for name in wide
    ]
    assert 0 < len(wide) < len(report.tried)
    assert all(0 < one.seconds < 60 for one in report.tried if one.name not in wide)
    assert report.sweep_seconds is not None
    assert {path.name for path in tmp_path.iterdir()} <= {"own_lightning.py", "__pycache__"}


def test_a_module_that_raises_stops_a_sweep_before_it_has_a_folder(own, tmp_path):
    done = CliRunner().invoke(cli, ["sweep", "own_lightning:Raises", "--dataset", "digits"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "error: check: ValueError: too wide. Look closer: orch try own_lightning:Raises "
        "--dataset digits --set width=64 --set batch_size=64\n"
    )
    assert not (tmp_path / "runs").exists()


def test_a_metric_that_is_not_logged_is_bad_input(own):
    with pytest.raises(ConfigurationError) as caught:
        own("Fine", metric="valid_los").check()
    assert str(caught.value).startswith("metric: no metric 'valid_los' is reported. Did you mean ")


def test_a_module_with_data_of_its_own_is_made_and_not_run(own):
    sweep = own("Own")
    assert not has_batches(sweep.spec)
    assert sweep.check().unchecked.endswith(
        "none was run, since own_lightning:Own trains by itself: the first trials will tell what "
        "an epoch takes"
    )
