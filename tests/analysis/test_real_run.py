"""A real sweep: 46 GRUs on Spoken Arabic Digits, its tables as they were left.

Made by ``orch sweep gru-bohb --dataset spoken-arabic-digits`` (see spec.yaml beside them):
13 of 66 speakers held out, HyperBand over 1, 3, 9 and 27 epochs, an hour on two cores.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from analysis import analyze, load_run

ASSET = Path(__file__).parents[1] / "assets" / "1121-gru-bohb-70db"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(ASSET, tmp_path / ASSET.name)


@pytest.fixture
def found(folder):
    return analyze(folder, only=[]).findings


def test_the_winner_is_the_best_of_those_that_ran_all_epochs(found):
    assert (found.best.number, found.best.epoch) == (19, 13)
    assert found.best.objective == pytest.approx(0.0766, abs=5e-5)
    assert found.best.metrics["accuracy"] == pytest.approx(0.983, abs=5e-4)
    full = found.run.curves("valid_loss")[:, 26]
    assert int((full == full).sum()) == found.ranking.trials == 8


def test_the_loss_asks_for_fewer_epochs_than_the_accuracy(found):
    assert found.optimum.words() == "train 15 (13-18); accuracy would say 23; flat after 13"


def test_the_layers_press_against_their_upper_bound(found):
    assert [(warning.key, warning.value) for warning in found.at_bounds] == [
        ("space.num_layers.high", 6)
    ]


def test_the_tables_count_as_documented():
    run = load_run(ASSET)
    assert len(run.trials) == 46
    assert run.trials["epochs"].value_counts().sort("epochs").rows() == [
        (1, 18), (3, 12), (9, 8), (27, 8),
    ]  # fmt: skip
