"""Which device a name stands for, and what is refused; this machine need not have a GPU."""

from __future__ import annotations

import pytest
import torch

from searchspaces import GruSpace, JointSpace, Training
from searchspaces.errors import ConfigurationError
from trainables import ArchitectureTrainable
from trainables.checkpoint import decode
from trainables.devices import CPU, compute_of, resolve
from trainables.testing import made_up_data

SPACE = JointSpace(GruSpace(num_layers=1, hidden_size=8), Training(learning_rate=0.01))


@pytest.mark.parametrize(("there", "found"), [(False, "cpu"), (True, "cuda")])
def test_auto_is_a_gpu_where_there_is_one(there, found, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)  # never by itself
    assert resolve("auto") == found
    assert resolve("cpu") == "cpu"


@pytest.mark.parametrize(
    ("device", "cuda", "line"),
    [
        ("cuda", None, "device cuda: torch was installed without CUDA. Choose auto or cpu."),
        ("cuda", "13.0", "device cuda: torch finds no GPU here. Choose auto or cpu."),
        ("mps", None, "device mps: torch finds no Apple GPU here. Choose auto or cpu."),
        ("gpu", None, "device gpu: unknown device. Known: auto, cpu, cuda, mps."),
    ],
)
def test_a_device_that_is_not_here_is_refused_in_one_line(device, cuda, line, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigurationError) as caught:
        resolve(device)
    assert str(caught.value) == line


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_is_refused_on_the_cpu(precision):
    with pytest.raises(ConfigurationError) as caught:
        compute_of("cpu", precision)
    assert str(caught.value) == (
        f"precision {precision}: mixed precision is for GPUs, and this trains on the CPU. "
        f"Choose float32."
    )
    with pytest.raises(ConfigurationError, match=r"unknown precision\. Known: float32"):
        compute_of("cpu", "float8")


def test_the_same_seed_and_epoch_give_the_same_numbers_and_leave_the_others_alone():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    draws = []
    for seed, epoch in ((3, 1), (3, 1), (3, 2)):
        with CPU.random_numbers(seed, epoch):
            draws.append(torch.rand(4).tolist())
    assert draws[0] == draws[1] != draws[2]
    assert torch.equal(torch.rand(2), expected)


def test_the_device_is_known_in_the_worker_and_in_every_checkpoint():
    data = made_up_data()
    trial = ArchitectureTrainable.bare(architecture="gru", space=SPACE, data=data, device="cpu")
    assert trial.device == "cpu"
    trial.begin({"batch_size": 16}, seed=0)
    trial.run_epoch()
    document = decode(trial.freeze()).document
    assert (document["device"], document["precision"]) == ("cpu", "float32")


def test_a_worker_on_a_machine_without_the_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match=r"^device cuda: torch"):
        ArchitectureTrainable.bare(
            architecture="gru", space=SPACE, data=made_up_data(), device="cuda"
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_trial_trains_on_a_gpu_and_its_checkpoint_goes_on_there_and_on_the_cpu(precision):
    data = made_up_data()
    settings = {"architecture": "gru", "space": SPACE, "data": data}
    trial = ArchitectureTrainable.bare(device="cuda", precision=precision, **settings)
    trial.begin({"batch_size": 16}, seed=0)
    first = trial.run_epoch()
    assert first.metrics["valid_loss"] < 1.6
    state = trial.freeze()
    assert decode(state).document["device"] == "cuda"
    again = ArchitectureTrainable.bare(device="cuda", precision=precision, **settings)
    again.begin({"batch_size": 16}, seed=0, epoch=1, state=state)
    on_cpu = ArchitectureTrainable.bare(device="cpu", **settings)
    on_cpu.begin({"batch_size": 16}, seed=0, epoch=1, state=state)
    expected = trial.run_epoch().metrics["valid_loss"]
    assert again.run_epoch().metrics["valid_loss"] == pytest.approx(expected, rel=1e-4)
    assert on_cpu.run_epoch().metrics["valid_loss"] == pytest.approx(expected, rel=0.05)
