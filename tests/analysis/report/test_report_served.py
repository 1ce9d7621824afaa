"""Pages that are served: their shells, their scripts, and what they are told of runs."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.budget.history import history
from analysis.comparison.compare import compare_runs
from analysis.findings import find
from analysis.report import live
from analysis.report.page import ASSETS, bundle
from analysis.report.payload import payload
from analysis.report.served import PAGES, asset, shell

MODULES = sorted((ASSETS / "live").glob("*.mjs"))


@pytest.mark.parametrize("kind", PAGES)
def test_a_shell_holds_no_data_and_asks_this_server_alone(kind):
    text = shell(kind, title="</title><img src=x>")
    assert "<img" not in text
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == [
        "data:,", "/assets/style.css", "#main", f"/assets/{kind}.js",
    ]  # fmt: skip
    assert "<style" not in text
    assert not re.search(r"<script>|\son\w+=|style=", text)


@pytest.mark.parametrize("kind", PAGES)
def test_scripts_of_a_page_are_one_without_a_global_name(kind, tmp_path):
    text, media = asset(f"{kind}.js")
    assert media == "text/javascript"
    assert text.startswith('"use strict";\n((given) => {\n')
    assert text.endswith("})({});\n")
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
    assert set(re.findall(r"https?://[^\"\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert ("$app" in text) == (kind == "run")  # other pages need no report
    if node := shutil.which("node"):
        (tmp_path / "page.js").write_text(text, encoding="utf-8")
        subprocess.run([node, "--check", tmp_path / "page.js"], check=True, capture_output=True)


def test_the_file_that_is_written_has_no_script_of_served_pages():
    modules = set(re.findall(r"^const \$(\w+)", bundle(), re.MULTILINE))
    assert modules & {path.stem for path in MODULES} == set()
    assert "fetch(" not in bundle()


@pytest.mark.parametrize("name", ["page.html", "other.js", "run", "../page.py", "", "app.js"])
def test_nothing_else_is_an_asset(name):
    assert asset(name) is None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_live_scripts_are_short_and_parse_texts_as_nothing(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") < 250
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_the_style_of_served_pages_is_that_of_the_report_and_more():
    text, media = asset("style.css")
    assert media == "text/css"
    assert text.startswith((ASSETS / "style.css").read_text(encoding="utf-8"))
    assert not re.search(r"@import|url\(", text)


def test_a_live_report_is_the_report(make_run):
    folder = make_run(trials=12)
    assert live.report(folder) == payload(find(load_run(folder)))


def test_a_run_that_is_owned_is_not_said_to_be_running_where_the_page_says_it(make_run, rewrite):
    folder = make_run(trials=12, finished=False)
    frames = [pl.read_parquet(folder / f"{name}.parquet") for name in ("trials", "epochs")]
    meta = dict(load_run(folder).meta.raw)
    for owned, said in ((True, False), (False, True)):
        rewrite(folder, *frames, meta | {"owned": owned})
        assert ("is not finished" in str(live.report(folder)["answer"])) == said


def test_the_curve_is_the_best_after_any_epoch_of_any_trial(make_run):
    folder = make_run()
    found, steps = live.curve(folder), history(load_run(folder)).any_epoch
    assert found["epochs"] == [step.epochs for step in steps]
    assert found["scores"] == [float(f"{step.score:.4g}") for step in steps]
    assert found["seconds"] == pytest.approx([step.seconds for step in steps], abs=1e-4)
    assert (found["metric"], found["label"]) == ("valid_loss", "validation loss (nats)")
    assert found["spent"] == len(load_run(folder).epochs)


def test_thousands_of_steps_are_thinned_and_the_last_one_stays():
    count = 1001
    found = live._line(range(1, count + 1), None, np.linspace(1, 0.5, count).tolist(), 2000, None)
    assert len(found["epochs"]) <= live._MOST_STEPS
    assert (found["epochs"][-1], found["scores"][-1], found["seconds"]) == (count, 0.5, None)


def test_runs_that_can_be_compared_have_the_curves_of_the_comparison(make_run):
    folders = [
        make_run("1121-gru-bohb-0001", seed=1, floor=lambda config: 0.2),
        make_run("1121-gru-asha-0002", seed=2, floor=lambda config: 0.3),
    ]
    runs = [load_run(folder) for folder in folders]
    comparison = compare_runs(runs)
    [group] = live.compare(folders)["groups"]
    assert group["words"] == list(comparison.words())
    assert group["basis"] == f"best trial at epoch {comparison.epoch} of 27"
    finals = {
        run: standing.curves[place][-1]
        for standing in comparison.standings
        for place, run in enumerate(standing.runs)
    }
    for curve, run in zip(group["curves"], runs, strict=True):
        at_budget = [score for epochs, score in zip(curve["epochs"], curve["scores"], strict=True)
                     if epochs <= comparison.spent]  # fmt: skip
        assert at_budget[-1] == pytest.approx(finals[run.meta.run], rel=1e-3)
        times = np.sort((run.epochs["reported_at"] - run.trials["started_at"].min())
                        .dt.total_microseconds() / 1e6)  # fmt: skip
        assert curve["seconds"] == pytest.approx([times[n - 1] for n in curve["epochs"]], abs=1e-3)
    assert group["configs"]["rows"][0][0] == "num_layers"


def test_runs_that_cannot_be_compared_say_why_or_stand_apart(make_run, rewrite):
    first, second = make_run("1121-a-0001"), make_run("1121-b-0002", metric="accuracy", mode="max")
    assert [group["metric"] for group in live.compare([first, second])["groups"]] == [
        "valid_loss", "accuracy",
    ]  # fmt: skip
    assert live.compare([])["groups"] == []
    run = load_run(first)
    group = live._group([run, run])
    assert group["words"][0].startswith("not compared: run 1121-a-0001 is given twice")
    assert group["basis"] == "best value after any epoch of any trial"


def test_runs_with_and_without_limits_stand_apart(make_run, rewrite):
    first, second = make_run("1121-a-0001"), make_run("1121-b-0002")
    run = load_run(second)
    rewrite(second, run.trials, run.epochs, {**run.meta.raw, "outcomes": ["weights < 50000"]})
    groups = live.compare([first, second])["groups"]
    assert [group["limits"] for group in groups] == ["", "weights < 50000"]
