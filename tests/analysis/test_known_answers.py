"""Runs that were constructed, so that the answer is known: from the folder to the words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis import Analysis, Run, analyze, load_run
from searchspaces.errors import UsageError
from tests.analysis.conftest import draw_config, write_tables
from tests.analysis.tabled import halved, remade, stopped

MakeRun = Callable[..., Path]

UNIT = {
    name: {"group": "space", "kind": "float", "low": 0.0, "high": 1.0} for name in ("a", "b", "c")
}


def words(run: Path | Run, **options: Any) -> str:
    """All lines as one text, without the folds and indents of a terminal."""
    return said(analyze(run, only=[], **options))


def said(analysis: Analysis) -> str:
    return " ".join(" ".join(analysis.lines).split())


def uniform(rng: np.random.Generator) -> dict[str, float]:
    return {name: float(value) for name, value in zip(UNIT, rng.random(3), strict=True)}


def flat(make_run: MakeRun, floor: Callable[[dict[str, Any]], float], **changes: Any) -> Path:
    """A run of uniform draws whose scores are ``floor`` plus next to nothing."""
    return make_run(**{"trials": 400, "hyperband": False, "max_epochs": 3, "noise": 1e-3,
                       "jitter": 0.0, "floor": floor, "config": uniform,
                       "parameters": UNIT, **changes})  # fmt: skip


def listed(floors: list[float]) -> dict[str, Any]:
    """Changes to a plan: trial k has the floor ``floors[k]``."""
    order = iter(floors)
    return {"config": lambda _: {"x": next(order)}, "floor": lambda config: config["x"],
            "parameters": {"x": {**UNIT["a"], "high": 9.0}}, "trials": len(floors),
            "hyperband": False, "jitter": 0.0}  # fmt: skip


# How many epochs


def test_an_optimum_at_epoch_12_is_recommended_with_an_interval_that_holds_it(make_run):
    hits = 0
    for seed in range(10):
        analysis = analyze(make_run(f"1121-gru-bohb-{seed:04d}", seed=seed, optimum=12.0), only=[])
        found = analysis.findings.optimum
        assert found.words().startswith(f"train {found.epoch} ({found.low}-{found.high})")
        assert abs(found.epoch - 12) <= 3
        hits += found.low <= 12 <= found.high
    assert hits >= 9  # of ten intervals of 95 %
    assert f"epochs {found.words()} from the best 5 of 8 full trials" in said(analysis)


def test_without_noise_the_optimum_is_exact(make_run):
    found = analyze(make_run(optimum=12.0, noise=0.0, jitter=0.0), only=[]).findings.optimum
    assert (found.low, found.epoch, found.high) == (12, 12, 12)


def test_loss_and_accuracy_that_disagree_are_both_said(make_run):
    folder = make_run(optimum=14.0, second_optimum=21.0, noise=0.0005, jitter=0.0)
    assert "epochs train 14 (14-14); accuracy would say 21" in words(folder)
    assert "epochs train 21 (" in words(folder, metric="accuracy")
    assert "valid_loss would say 14" in words(folder, metric="accuracy")


def test_what_still_improves_at_the_last_epoch_is_asked_for_more(make_run):
    assert (
        "epochs train at least 27: valid_loss still improves at the last epoch; try --epochs 54"
    ) in words(make_run(optimum=200.0, second_optimum=200.0))


def test_pruned_trials_alone_cannot_say_how_many_epochs_and_rank_at_equal_epochs(make_run):
    """Trials 8 to 29 were pruned at epoch 3 at losses that no other ever reached."""
    whole = load_run(make_run(trials=30, hyperband=False))
    run = stopped(stopped(whole, list(range(8)), 9), list(range(8, 30)), 3)
    early = pl.col("number") >= 8
    run = remade(run, epochs=run.epochs.with_columns(
        pl.when(early).then(-1.0).otherwise("metric.valid_loss").alias("metric.valid_loss")
    ))  # fmt: skip
    analysis = analyze(run, only=[])
    least = whole.curves("valid_loss")[:8, :9].min(axis=1)
    assert analysis.findings.ranking.rows.tolist() == np.argsort(least).tolist()
    assert analysis.findings.ranking.scores.tolist() == np.sort(least).tolist()
    assert "epochs cannot tell: no trial ran all 27 epochs (furthest 9)" in said(analysis)
    assert f"best trial {np.argmin(least)} " in said(analysis)
    assert "of 9 (no trial ran all 27)" in said(analysis)


def test_overfitting_is_told_from_the_epoch_where_the_gap_begins_to_hurt(make_run):
    analysis = analyze(make_run(trials=20, hyperband=False, optimum=14, noise=0.002), only=[])
    found = analysis.findings.overfitting
    # The curve is floor + 0.5 (x - 1 - ln x) with x = epoch / 14.
    truth = 0.5 * (27 / 14 - 1 - math.log(27 / 14))
    assert found.epoch == pytest.approx(14, abs=1)
    assert found.low < truth < found.high
    assert all(gap.at_last > gap.at_best for gap in found.gaps)
    assert f"overfitting: from epoch {found.epoch} on training loss falls by" in said(analysis)
    assert f"train fewer epochs (--epochs {found.epoch}), or try more dropout" in said(analysis)
    assert "overfitting" not in words(make_run("1121-x-0001", trials=20, hyperband=False,
                                               optimum=60))  # fmt: skip


# What matters


def test_a_parameter_that_explains_80_percent_gets_80_percent(make_run):
    # The variance of c u is c^2 / 12 for u uniform: 2 to 1 in size is 4 to 1 in variance.
    analysis = analyze(flat(make_run, lambda x: 2 * x["a"] + x["b"]), only=[])
    found = {effect.name: effect for effect in analysis.findings.importance.effects}
    for name, truth in (("a", 0.8), ("b", 0.2), ("c", 0.0)):
        assert found[name].share == pytest.approx(truth, abs=0.03)
        assert abs(found[name].share - truth) <= 2 * found[name].spread + 0.005
    assert "matters a 0." in said(analysis)
    assert "c below noise" in said(analysis)
    assert not [pair for pair in analysis.findings.importance.pairs if not pair.noise]
    assert "c does not matter here" in said(analysis)


def test_a_pair_that_explains_40_percent_together_is_named_with_about_that(make_run):
    # Of a + b + k (a - 1/2)(b - 1/2) each part is uncorrelated to the others: 1/12, 1/12 and
    # k^2 / 144. With k^2 = 16 the pair has 16 / 40 = 0.4 and each alone 0.3.
    def floor(x: dict[str, float]) -> float:
        return x["a"] + x["b"] + 4 * (x["a"] - 0.5) * (x["b"] - 0.5)

    analysis = analyze(flat(make_run, floor, trials=600), only=[])
    found = analysis.findings.importance
    shares = {effect.name: effect.share for effect in found.effects}
    assert (found.pairs[0].a, found.pairs[0].b) == ("a", "b")
    assert found.pairs[0].share == pytest.approx(0.4, abs=0.06)
    assert [pair.noise for pair in found.pairs] == [False, True, True]
    assert shares["a"] == pytest.approx(0.3, abs=0.06)
    assert shares["b"] == pytest.approx(0.3, abs=0.06)
    assert f"a x b {found.pairs[0].share:.2f} together" in said(analysis)


def test_an_optimum_beyond_the_range_gives_the_line_to_type(make_run):
    space = {**UNIT, "a": {"group": "space", "kind": "int", "low": 16, "high": 256, "log": True}}

    def config(rng: np.random.Generator) -> dict[str, Any]:
        return {**uniform(rng), "a": round(math.exp(rng.uniform(math.log(16), math.log(256))))}

    folder = flat(make_run, lambda x: -math.log2(x["a"]) + 0.1 * x["b"], trials=100,
                  config=config, parameters=space)  # fmt: skip
    assert (
        "look out a: 5 of the best 5 lie in the top tenth of 16..256 --set space.a.high=512"
    ) in words(folder)
    [warning] = analyze(folder, only=[]).findings.at_bounds
    assert warning.yaml == "space:\n  a:\n    high: 512"


def test_an_optimum_inside_the_range_gives_no_such_line(make_run):
    assert "--set space.a.high" not in words(
        flat(make_run, lambda x: (x["a"] - 0.6) ** 2, trials=100)
    )


# What to look out for


def saved(run: Run, folder: Path) -> Path:
    """A run that was put together in memory, as a folder."""
    folder.mkdir(parents=True)
    meta = run.meta
    parameters = dict(meta.raw.get("parameters", {}))
    write_tables(folder, run.trials, run.epochs, {
        "schema": 1, "run": folder.name, "metric": meta.metric, "mode": meta.mode,
        "max_epochs": meta.max_epochs, "trials": meta.trials, "rungs": list(meta.rungs),
        "parameters": parameters, "finished": meta.finished, **meta.raw,
    })  # fmt: skip
    return folder


RUNGS, SIZES = (1, 3, 9, 27), (27, 18, 12, 20)


def crossing(trials: int = 77) -> np.ndarray:
    """Losses whose ranks up to epoch 3 have nothing to do with those from epoch 4 on."""
    rng = np.random.default_rng(1)
    early, late = rng.permutation(trials) / trials, rng.permutation(trials) / trials
    epochs = np.arange(1, 28)
    return np.where(epochs <= 3, 2 + early[:, None], late[:, None]) - 0.001 * epochs


def parallel(trials: int = 77) -> np.ndarray:
    levels = np.random.default_rng(1).permutation(trials) / trials
    return levels[:, None] + np.exp(-np.arange(1, 28) / 9)


def hyperband(losses: np.ndarray, folder: Path) -> Path:
    run = halved(losses, RUNGS, SIZES)
    raw = {"scheduler": {"kind": "hyperband", "eta": 3}}
    return saved(replace(run, meta=replace(run.meta, raw=raw)), folder)


def test_curves_that_cross_after_a_rung_warn_of_that_rung(tmp_path):
    text = words(hyperband(crossing(), tmp_path / "1121-x-0001"))
    assert "pruning at epoch 1 looks harmful: its ranks agree with epoch 27's only" in text
    assert "pruning at epoch 3 looks harmful: its ranks agree with epoch 27's only" in text
    assert "pruning at epoch 9" not in text
    assert "--set scheduler.kind=asha --set scheduler.min_epochs=9" in text


def test_curves_that_never_cross_warn_of_nothing(tmp_path):
    assert "pruning" not in words(hyperband(parallel(), tmp_path / "1121-x-0002"))


def test_configs_within_the_noise_are_called_tied_and_no_other(make_run):
    analysis = analyze(make_run(noise=0.02, **listed([0.3, 0.3001, 0.5, 0.6, 0.7])), only=[])
    assert sorted(analysis.findings.ties.tied) == [0, 1]
    assert "cannot be told apart (noise at least 0.0" in said(analysis)
    assert "runs of each" in said(analysis)


def test_a_winner_by_luck_is_expected_to_do_as_its_config_does_on_average(make_run):
    """Forty configs of one quality; what a fresh run scores is known by drawing many of them."""
    x = np.arange(1, 28) / 18
    noise = np.random.default_rng(5).normal(0, 0.02, (20_000, 27))
    truth = float((0.3 + 0.5 * (x - 1 - np.log(x)) + noise).min(axis=1).mean())
    seen, expected = [], []
    for seed in range(6):
        equal = listed([0.3 + 1e-6 * k for k in range(40)])
        folder = make_run(f"1121-x-{seed:04d}", noise=0.02, seed=seed, **equal)
        analysis = analyze(folder, only=[])
        found = analysis.findings.winners_drop
        assert found.low < truth < found.high
        assert "is flattered by having been picked from 40" in said(analysis)
        seen.append(found.observed - truth)
        expected.append(found.expected - truth)
    assert np.mean(seen) < -0.015  # the best of 40 looks that much better than it is
    assert abs(np.mean(expected)) < 0.004


def test_failures_of_one_cause_are_told_with_their_region_and_the_range_to_give(make_run):
    sizes = [draw_config(np.random.default_rng((0, k)))["hidden_size"] for k in range(60)]
    fail = tuple(k for k, size in enumerate(sizes) if size > 128)
    analysis = analyze(make_run(trials=60, hyperband=False, max_epochs=9, fail=fail), only=[])
    [cause] = analysis.findings.failure_causes.causes
    assert (cause.count, cause.trials) == (len(fail), fail)
    assert (cause.region.name, cause.region.side, cause.region.hits) == ("hidden_size", "above",
                                                                         len(fail))  # fmt: skip
    largest = max(size for size in sizes if size <= 128)
    assert f"{len(fail)} of 60 trials failed: loss became nan" in said(analysis)
    assert (
        f"all {len(fail)} trials with hidden_size above {largest} failed so "
        f"--set space.hidden_size.high={largest}"
    ) in said(analysis)


def test_a_run_of_which_every_trial_failed_says_so_and_nothing_else(make_run):
    analysis = analyze(make_run(trials=9, max_epochs=1, fail=tuple(range(9))), only=[])
    assert "best none: no trial has a result" in said(analysis)
    assert "9 of 9 trials failed: loss became nan" in said(analysis)
    found = analysis.as_dict()
    assert (found["best"], found["epochs"]["epoch"], found["importance"]["effects"]) == (
        None, None, []
    )  # fmt: skip


# Little data


def test_one_trial_is_described_and_nothing_is_concluded_from_it(make_run):
    analysis = analyze(make_run(trials=1, hyperband=False), only=[])
    text = said(analysis)
    assert "best trial 0 valid_loss" in text
    assert "from 1 full trial, too few for an interval" in text
    assert "matters cannot tell: only 1 trial can be compared (epoch 27); it takes 10" in text
    assert "cannot tell whether more trials pay" in text
    assert "flattered" not in text
    assert "apart" not in text
    json.dumps(analysis.as_dict(), allow_nan=False)


def test_no_trial_is_one_line_with_the_way_out(make_run):
    folder = make_run(trials=0)
    with pytest.raises(UsageError) as caught:
        analyze(folder, only=[])
    assert str(caught.value) == (
        "run 1121-gru-bohb-7f3a has no results: no trial has finished an epoch. "
        f"Run: orch resume {folder}"
    )
