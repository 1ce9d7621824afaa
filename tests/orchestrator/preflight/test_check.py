"""The check itself, in its own process, on the embedded digits."""

from __future__ import annotations

import sys

import pytest

from orchestrator.preflight import CheckError, check, process
from orchestrator.sweep import Sweep
from searchspaces.errors import ConfigurationError

NETWORK = """\
import os
import signal

import torch

from searchspaces import Choice, ChoiceParam, Int, IntParam, SearchSpace
from trainables.architectures.base import Architecture


class Space(SearchSpace):
    width: IntParam = Int(4, 64)


class Pooled(SearchSpace):
    how: ChoiceParam = Choice(("mean", "max", "min", "last"))


class Fine(Architecture):
    space = Space
    more = 0

    def __init__(self, config, facts):
        super().__init__(config, facts)
        print("networks may print")
        self.large = config["width"] == 64
        self.layer = torch.nn.Linear(facts.features, facts.classes + self.more)
        self.prepare()

    def prepare(self):
        pass

    def forward(self, values, lengths):
        return self.layer(values.mean(dim=1))


class Shape(Fine):
    more = 1


class Raises(Fine):
    def prepare(self):
        if self.large:
            raise ValueError("embed_dim must be\\ndivisible by num_heads")


class Killed(Fine):
    def prepare(self):
        if self.large:
            os.kill(os.getpid(), signal.SIGKILL)


class Hungry(Fine):
    def prepare(self):
        if self.large:
            raise MemoryError("this would take all there is")

    @classmethod
    def weights(cls, config, facts):
        return 10**12 if config["width"] == 64 else 90


class Pools(Fine):
    space = Pooled

    def forward(self, values, lengths):
        if self.how == "last":
            raise IndexError("there is no last")
        return super().forward(values, lengths)

    def __init__(self, config, facts):
        self.large = False
        torch.nn.Module.__init__(self)
        self.facts, self.how = facts, config["how"]
        self.layer = torch.nn.Linear(facts.features, facts.classes)


class Diverges(Fine):
    def prepare(self):
        if self.large:
            torch.nn.init.constant_(self.layer.weight, float("nan"))
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Sweeps over networks of an own module."""
    (tmp_path / "own_networks.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "own_networks", raising=False)
    training = {"learning_rate": 0.01, "batch_size": 32}

    def make(name, **changes):
        return Sweep(f"own_networks:{name}", training=training, concurrency=2, **changes)

    yield make
    sys.modules.pop("own_networks", None)


def test_each_config_is_measured_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = Sweep("mlp-bohb", space={"depth": 2, "h2": 16}, concurrency=2)
    told = []
    report = check(sweep.spec, sweep.data, tell=told.append)
    names = [one.name for one in report.tried]
    edges = [f"edge {number}" for number in (1, 2, 3, 4)]  # pooling has four values
    assert names[:8] == ["smallest", "largest", "slowest", *edges, "sample 1"]
    small, large = report.tried[:2]
    # digits: 8 features, 10 classes; (8 + 1) h1 + (h1 + 1) 16 + (16 + 1) 10 weights
    assert small.weights == 9 * 16 + 17 * 16 + 170
    assert large.weights == 9 * 256 + 257 * 16 + 170
    assert all(0 < one.seconds < 60 for one in report.tried)
    assert all(not one.failure and one.gpu is None for one in report.tried)
    assert report.tried[2].seconds > small.seconds  # 68 batches of 16 against 5 of 256
    assert report.memory < 2e9
    assert report.device == "cpu"
    assert report.data == "1,078 series to train, 360 to validate"
    assert report.epochs == 342  # 27 + 9 * 2 + 3 * 6 + 18 of the first bracket, and so on
    assert told[:3] == [f"checking {name}, {k} of 16" for name, k in
                        (("smallest", 1), ("smallest", 1), ("largest", 2))]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "setting", "line"),
    [
        ("Raises", {"width": 64},
         "check: ValueError: embed_dim must be divisible by num_heads. "
         "Look closer: orch try mine.yaml --set width=64"),
        ("Pools", {"how": "last"},
         "check: IndexError: there is no last. "
         "Look closer: orch try mine.yaml --set how=last"),
        # Nobody should be told to try once more what took all memory.
        ("Killed", {"width": 64},
         "check: the process that tried it was killed, as it is when memory runs out, with "
         "width=64. Leave such configs out of the space, or the check: --no-check."),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)  # fmt: skip
def test_a_config_that_cannot_be_trained_is_named_with_the_way_out(own, name, setting, line):
    with pytest.raises(CheckError) as caught:
        own(name).check(sweep="mine.yaml")
    error = caught.value
    assert str(error) == line
    assert (error.config, error.exit_code) == (setting, 1)
    if name == "Raises":
        assert "own_networks.py" in error.detail
        assert error.__notes__ == [error.detail]


def test_what_cannot_fit_into_memory_is_not_even_built(own):
    report = own("Hungry").check()
    (found,) = report.failures
    assert (found.name, found.config) == ("largest", {"width": 64})
    # 4 bytes a weight, and as many for its gradient and each of Adam's two moments
    assert found.failure.startswith("needs at least 16,000.0 GB of memory, and ")
    assert found.failure.endswith(" GB are free")


def test_logits_of_another_shape_are_refused(own):
    with pytest.raises(CheckError) as caught:
        own("Shape").check()
    assert caught.value.reason == (
        "logits have shape (8, 11), not (8, 10), which is (batch, classes)"
    )


def test_a_config_that_diverges_is_reported_and_refuses_nothing(own):
    report = own("Diverges").check()
    assert [(one.name, one.failure, one.seconds) for one in report.failures] == [
        ("largest", "loss became nan", None)
    ]
    assert report.sweep_seconds is not None


def test_if_all_configs_diverge_there_is_nothing_to_sweep(own):
    with pytest.raises(CheckError) as caught:
        own("Diverges", space={"width": 64}).check()
    assert caught.value.reason == "all 1 configs that were tried failed: loss became nan"


def test_a_population_changes_no_shape_of_what_it_copies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explore = {"scheduler": {"kind": "pbt", "explore": ["dropout", "learning_rate"]}}
    space = {"num_layers": 2, "hidden_size": {"low": 8, "high": 16}}
    Sweep("gru-pbt", space=space, **explore).check()
    explore["scheduler"]["explore"].append("hidden_size")
    with pytest.raises(ConfigurationError) as caught:
        Sweep("gru-pbt", space=space, **explore).check()
    assert str(caught.value) == (
        "scheduler.explore: weights of a network with hidden_size 8 do not fit one with "
        "hidden_size 11, so no trial could copy another. Leave hidden_size out."
    )


def test_what_this_machine_cannot_do_is_bad_input(own):
    with pytest.raises(ConfigurationError) as caught:
        own("Fine", precision="bfloat16", device="cpu").check()
    assert "mixed precision is for GPUs" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_process_that_says_nothing_for_long_is_given_up(own, monkeypatch):
    monkeypatch.setattr(process, "SILENT_SECONDS", 0.01)
    with pytest.raises(CheckError) as caught:
        own("Fine").check()
    assert str(caught.value).startswith(
        "check: a batch takes longer than 0 s. If it is slow and does not hang, sweep without a "
        "check: --no-check. Look closer: orch try own_networks:Fine --dataset digits --set width="
    )


FUNCTION = """\
def train(config):
    yield {"valid_loss": config["rate"]}
"""


def test_what_trains_by_itself_is_made_and_not_run(tmp_path, monkeypatch):
    (tmp_path / "own_function.py").write_text(FUNCTION)
    monkeypatch.syspath_prepend(str(tmp_path))
    space = {"rate": {"low": 0.1, "high": 1.0}}
    report = Sweep("own_function:train", space=space).check()
    assert report.tried == ()
    assert report.unchecked == (
        "12 configs can be made; none was run, since own_function:train trains by itself: the "
        "first trials will tell what an epoch takes"
    )
    spec = Sweep("own_function:train", space=space).spec
    assert check(spec, None).sweep_seconds is None
