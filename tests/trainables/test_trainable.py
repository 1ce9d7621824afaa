"""The Trainable: warm between trials, exact after a pause, Ray's contract on top."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest

from searchspaces import (
    ConfigurationError,
    GruSpace,
    Int,
    JointSpace,
    MlpSpace,
    OrchError,
    Training,
    UnknownNameError,
)
from trainables import ArchitectureTrainable, EpochDone, EpochFailed, TrialTrainable
from trainables.checkpoint import decode
from trainables.testing import made_up_data
from trainables.trainable import CHECKPOINT_FILE, seed_of

SPACES = {"gru": JointSpace(GruSpace(), Training()), "mlp": JointSpace(MlpSpace(), Training())}
CONFIGS = {
    "gru": {
        "num_layers": 2,
        "hidden_size": 24,
        "dropout": 0.4,
        "learning_rate": 0.01,
        "batch_size": 16,
    },
    "mlp": {
        "h1": 32,
        "h2": 24,
        "depth": 2,
        "dropout": 0.4,
        "pooling": "mean",
        "learning_rate": 0.01,
        "batch_size": 16,
    },
}
OTHER = {"gru": {**CONFIGS["gru"], "hidden_size": 16}, "mlp": {**CONFIGS["mlp"], "h1": 20}}
DATA = made_up_data()


def _bare(name: str) -> ArchitectureTrainable:
    return ArchitectureTrainable.bare(architecture=name, space=SPACES[name], data=DATA)


def _epochs(trainable: TrialTrainable, count: int) -> list[dict[str, float]]:
    found = []
    for _ in range(count):
        outcome = trainable.run_epoch()
        assert isinstance(outcome, EpochDone)
        found.append({k: v for k, v in outcome.metrics.items() if k != "epoch_seconds"})
    return found


@pytest.mark.parametrize("name", ["gru", "mlp"])
def test_a_paused_trial_goes_on_bit_for_bit_beside_another_on_the_same_object(name):
    straight = _bare(name)
    straight.begin(CONFIGS[name], seed=3)
    expected = _epochs(straight, 6)

    warm = _bare(name)
    found: list[dict[str, float]] = []
    state: bytes | None = None
    other: bytes | None = None
    for epoch in (0, 2, 4):  # two epochs at a time, the other trial in between
        warm.begin(CONFIGS[name], seed=3, epoch=epoch, state=state)
        found += _epochs(warm, 2)
        state = warm.freeze()
        warm.begin(OTHER[name], seed=9, epoch=epoch, state=other)
        _epochs(warm, 2)
        other = warm.freeze()
    assert found == expected
    assert state == straight.freeze()  # weights, optimizer, schedule and best, as bytes


GO_ON = """
import json, pathlib, sys
import torch
torch.set_num_threads(1)
from searchspaces import GruSpace, JointSpace, MlpSpace, Training
from trainables import ArchitectureTrainable
from trainables.testing import made_up_data
folder, name, config = pathlib.Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
space = JointSpace({"gru": GruSpace, "mlp": MlpSpace}[name](), Training())
trial = ArchitectureTrainable.bare(architecture=name, space=space, data=made_up_data())
trial.begin(config, seed=3, epoch=2, state=(folder / "before").read_bytes())
losses = [trial.run_epoch().metrics["valid_loss"] for _ in range(3)]
(folder / "after").write_bytes(trial.freeze())
print(json.dumps(losses))
"""


@pytest.mark.parametrize("name", ["gru", "mlp"])
def test_a_paused_trial_goes_on_bit_for_bit_in_a_fresh_process(name, tmp_path):
    straight = _bare(name)
    straight.begin(CONFIGS[name], seed=3)
    _epochs(straight, 2)
    (tmp_path / "before").write_bytes(straight.freeze())
    expected = [metrics["valid_loss"] for metrics in _epochs(straight, 3)]
    done = subprocess.run(
        [sys.executable, "-c", GO_ON, str(tmp_path), name, json.dumps(CONFIGS[name])],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == expected
    assert (tmp_path / "after").read_bytes() == straight.freeze()


def test_an_invalid_config_never_reaches_the_architecture():
    warm = _bare("gru")
    with pytest.raises(ConfigurationError, match="hidden_size"):
        warm.begin({**CONFIGS["gru"], "hidden_size": 7}, seed=0)
    with pytest.raises(ConfigurationError, match="hidden_size"):
        warm.reset_config({**CONFIGS["gru"], "hidden_size": 7})


def test_a_config_of_a_space_that_was_edited_since_is_trained():
    """The sweep checked it in its own space; the workers know the one at the start."""
    warm = _bare("gru")
    wider = JointSpace(GruSpace(hidden_size=Int(16, 512)), Training())
    config = wider.validate({**CONFIGS["gru"], "hidden_size": 300})
    warm.begin(config, seed=0)
    assert warm.config["hidden_size"] == 300
    assert math.isfinite(_epochs(warm, 1)[0]["valid_loss"])


def test_an_unknown_architecture_is_refused_before_any_trial():
    with pytest.raises(UnknownNameError, match="Did you mean 'gru'"):
        ArchitectureTrainable.bare(architecture="grru", space=SPACES["gru"], data=DATA)


def test_a_checkpoint_of_another_epoch_is_refused():
    warm = _bare("mlp")
    warm.begin(CONFIGS["mlp"], seed=0)
    _epochs(warm, 1)
    state = warm.freeze()
    for epoch, given, holds in ((2, state, 1), (0, state, 1), (1, None, 0)):
        with pytest.raises(OrchError) as caught:
            warm.begin(CONFIGS["mlp"], seed=0, epoch=epoch, state=given)
        assert str(caught.value) == (
            f"epoch {epoch} was asked for, and the checkpoint holds {holds}. "
            f"Give the checkpoint written at that epoch."
        )


def test_a_damaged_checkpoint_leaves_the_object_usable():
    warm = _bare("mlp")
    warm.begin(CONFIGS["mlp"], seed=0)
    expected = _epochs(warm, 1)
    state = warm.freeze()
    with pytest.raises(OrchError, match="damaged"):
        warm.begin(CONFIGS["mlp"], seed=0, epoch=1, state=state[:-5])
    warm.begin(CONFIGS["mlp"], seed=0)
    assert _epochs(warm, 1) == expected


def test_beginning_a_small_trial_takes_a_few_milliseconds_and_no_folder(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: pytest.fail("a folder was made"))
    warm = _bare("gru")
    warm.begin(CONFIGS["gru"], seed=0)
    took = []
    for _ in range(20):
        started = time.perf_counter()
        warm.begin(CONFIGS["gru"], seed=0)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.005
    assert warm.reset(dict(CONFIGS["gru"]))
    assert warm.logdir is None


def test_rays_own_calls_run_save_and_restore_a_trial(tmp_path):
    first = ArchitectureTrainable.bare(architecture="mlp", space=SPACES["mlp"], data=DATA, seed=5)
    assert first.reset(dict(CONFIGS["mlp"]))
    results = [first.train() for _ in range(3)]
    assert [result["training_iteration"] for result in results] == [1, 2, 3]
    first.save_checkpoint(str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == [CHECKPOINT_FILE]
    expected = first.train()

    second = ArchitectureTrainable.bare(architecture="mlp", space=SPACES["mlp"], data=DATA, seed=5)
    assert second.reset(dict(CONFIGS["mlp"]))
    second.load_checkpoint(str(tmp_path))
    found = second.train()
    assert found["training_iteration"] == 4
    assert found["valid_loss"] == expected["valid_loss"]
    assert not found["done"]


def test_a_missing_checkpoint_file_is_named(tmp_path):
    warm = _bare("mlp")
    warm.reset(dict(CONFIGS["mlp"]))
    with pytest.raises(OrchError) as caught:
        warm.load_checkpoint(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path / CHECKPOINT_FILE}: No such file or directory. Start the trial anew."
    )


class Diverging(TrialTrainable):
    def start(self, config, *, seed):
        self.loss = 1.0

    def run_epoch(self):
        self.loss *= 0.5
        if self.loss < 0.3:
            return EpochFailed("loss became nan", {"valid_loss": math.nan})
        return EpochDone({"valid_loss": self.loss})


def test_under_rays_step_a_diverged_trial_is_done_and_says_why():
    trial = Diverging.bare()
    trial.reset({"x": 1})
    assert trial.step() == {"valid_loss": 0.5}
    result = trial.step()
    assert math.isnan(result.pop("valid_loss"))
    assert result == {"failure": "loss became nan", "done": True}


def test_a_trial_of_constants_alone_starts_without_a_config():
    trial = Diverging.bare()
    assert trial.step() == {"valid_loss": 0.5}


def test_the_seed_under_stock_tune_follows_from_config_and_sweep_seed():
    # sha256sum of '[3, {"a": 1, "b": 0.5}]', its first eight bytes halved
    expected = 0x6DA2886F8F5163E7 >> 1
    assert seed_of({"b": 0.5, "a": 1}, 3) == seed_of({"a": 1, "b": 0.5}, 3) == expected
    assert seed_of({"a": 1}, 3) != seed_of({"a": 1}, 4)
    assert seed_of({"a": 1}, 3) != seed_of({"a": 2}, 3)
    assert 0 <= seed_of({}, 0) < 2**63


def test_seed_and_epoch_are_in_the_checkpoint_as_its_random_state():
    warm = _bare("mlp")
    warm.begin(CONFIGS["mlp"], seed=41)
    _epochs(warm, 2)
    document = decode(warm.freeze()).document
    assert (document["seed"], document["epoch"]) == (41, 2)
    assert document["config"] == SPACES["mlp"].validate(CONFIGS["mlp"])


def _imported_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import trainables; trainables.architectures.names()", {"torch", "ray", "pandas"}),
        ("import trainables.outcomes", {"torch", "ray"}),
        ("import trainables.trainable", {"torch", "orchestrator", "analysis"}),
        ("import trainables.learner, trainables.testing", {"ray", "orchestrator", "analysis"}),
    ],
)
def test_importing_brings_in_no_more_than_it_must(statement, absent):
    assert not _imported_after(statement) & absent


def test_training_never_imports_torchs_compiler():
    code = (
        "import sys\n"
        "from searchspaces import *\n"
        "from trainables import ArchitectureTrainable\n"
        "from trainables.testing import made_up_data\n"
        "space = JointSpace(MlpSpace(), Training())\n"
        "t = ArchitectureTrainable.bare(architecture='mlp', space=space, data=made_up_data())\n"
        f"t.begin({CONFIGS['mlp']!r}, seed=0)\n"
        "t.run_epoch(); t.freeze()\n"
        "print('torch._dynamo' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "False"
