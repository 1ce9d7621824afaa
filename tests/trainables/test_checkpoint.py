"""Checkpoints: exact, deterministic, and every kind of damage is one line."""

from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspaces.errors import OrchError
from trainables.checkpoint import Snapshot, decode, encode

SNAPSHOT = Snapshot(
    {
        "model.weight": torch.arange(6.0).view(2, 3) / 7,
        "model.steps": torch.tensor(3),
        "adam.mean.weight": torch.tensor([float("nan"), -0.0, 1e-42]),
    },
    {"epoch": 3, "config": {"name": 'a "quoted" \\ crc32":"0', "learning_rate": 0.1 + 0.2}},
)
DATA = encode(SNAPSHOT)


def test_a_snapshot_comes_back_bit_for_bit():
    found = decode(DATA)
    assert found.document["epoch"] == 3
    assert found.document["config"] == SNAPSHOT.document["config"]
    assert set(found.tensors) == set(SNAPSHOT.tensors)
    for name, tensor in SNAPSHOT.tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert found.tensors[name].numpy().tobytes() == tensor.numpy().tobytes()
    assert set(found.part("model")) == {"weight", "steps"}


def test_the_same_snapshot_gives_the_same_bytes():
    assert encode(decode(DATA)) == encode(decode(DATA)) == DATA


def test_any_reader_of_safetensors_can_open_a_checkpoint(tmp_path):
    file = tmp_path / "trial.safetensors"
    file.write_bytes(DATA)
    with safetensors.safe_open(file, "pt") as opened:
        assert json.loads(opened.metadata()["orch"])["epoch"] == 3
        assert torch.equal(opened.get_tensor("model.weight"), SNAPSHOT.tensors["model.weight"])


def test_tied_weights_are_written_under_both_names():
    tied = torch.ones(2)
    found = decode(encode(Snapshot({"a": tied, "b": tied}, {})))
    assert found.tensors["a"].tolist() == found.tensors["b"].tolist() == [1.0, 1.0]


def test_a_cut_checkpoint_is_refused_in_one_line_wherever_it_is_cut():
    for length in range(len(DATA)):
        with pytest.raises(OrchError) as caught:
            decode(DATA[:length])
        assert str(caught.value).startswith("checkpoint is damaged: it")
        assert "\n" not in str(caught.value)


def test_a_flipped_bit_is_refused_wherever_it_is():
    for place in range(len(DATA) * 8):
        flipped = bytearray(DATA)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(OrchError, match="checkpoint is damaged"):
            decode(bytes(flipped))


@given(st.binary(max_size=64))
@settings(deadline=None, max_examples=50)
def test_bytes_of_something_else_are_refused(data):
    with pytest.raises(OrchError, match="checkpoint is damaged"):
        decode(data)


def test_other_safetensors_files_are_refused():
    with pytest.raises(OrchError) as caught:
        decode(safetensors.torch.save({"weight": torch.ones(3)}))
    assert str(caught.value) == ("checkpoint is damaged: it has no checksum. Start the trial anew.")


def test_a_newer_format_says_which():
    with pytest.raises(OrchError) as caught:
        decode(encode(Snapshot({}, {"format": 2})))
    assert str(caught.value) == (
        "checkpoint has format 2; this orch reads 1. Install the orch that wrote it."
    )
