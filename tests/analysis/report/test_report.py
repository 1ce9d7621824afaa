from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess

import numpy as np
import polars as pl
import pytest
from ruamel.yaml import YAML

from analysis import load_run
from analysis.findings import find
from analysis.report import page as pages
from analysis.report import words, write_report
from analysis.report.page import as_script, bundle, page
from analysis.report.payload import payload
from analysis.report.trials import curve_points, levels, points_for, rounded
from analysis.summary import summary
from searchspaces.errors import UsageError

EVIL = "</script></title><img src=x onerror=alert(1)>\"'&lt;\u2028"
ASSETS = sorted(pages.ASSETS.glob("*.mjs"))


def tables(folder):
    frames = [pl.read_parquet(folder / f"{name}.parquet") for name in ("trials", "epochs")]
    meta = json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])
    return *frames, meta


def data_of(text: str) -> dict:
    return json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', text, re.DOTALL)[1])


def test_a_report_is_one_file_that_asks_for_nothing_from_elsewhere(make_run, tmp_path):
    path = write_report(find(load_run(make_run())), tmp_path / "new" / "report.html")
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "new" / "report.html"
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]
    assert set(re.findall(r"https?://[^\"\s]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<link|<iframe|@import|url\((?!#)|\ssrc=", text)
    assert len(text) < 200_000


def test_the_same_findings_give_the_same_bytes(make_run, tmp_path, pictures):
    run = load_run(make_run(trials=12))
    a, b = (write_report(find(run), tmp_path / name, figures=pictures) for name in ("a", "b"))
    assert a.read_bytes() == b.read_bytes()


def test_a_thousand_trials_weigh_less_than_half_a_megabyte(make_run, tmp_path, pictures):
    findings = find(load_run(make_run(trials=1000)))
    assert write_report(findings, tmp_path / "r.html", figures=pictures).stat().st_size < 500_000


def test_a_file_that_cannot_be_written_is_told_in_one_line(make_run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        write_report(find(load_run(make_run(trials=4))), tmp_path / "file" / "r.html")
    place = tmp_path / "file" / "r.html"
    assert str(caught.value) == (
        f"cannot write the report to {place}: File exists. "
        f"Give a file in a folder that can be written to"
    )


def test_data_in_a_script_holds_no_tag_and_comes_back_as_it_was():
    text = as_script({EVIL: [EVIL, "\u2029", 1.5, None]})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {EVIL: [EVIL, "\u2029", 1.5, None]}


def test_numbers_that_json_does_not_know_never_reach_the_page():
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_script({"score": float("nan")})
    assert rounded([1.23456, float("nan"), None, float("-inf"), 300.0, 0.1 + 0.2]) == [
        1.235, None, None, None, 300, 0.3,
    ]  # fmt: skip


def test_text_of_a_user_cannot_become_markup(make_run, rewrite, tmp_path, pictures):
    folder = make_run(trials=6, fail=(2,))
    trials, epochs, meta = tables(folder)
    meta |= {"run": EVIL, "sweep": EVIL, "dataset": EVIL, "warning": EVIL}
    trials = trials.with_columns(error=pl.lit(EVIL))
    rewrite(folder, trials, epochs, meta)
    (folder / "spec.yaml").write_text(f"name: {EVIL}", encoding="utf-8")
    findings = find(load_run(folder))
    text = write_report(findings, tmp_path / "r.html", figures=pictures).read_text("utf-8")
    assert "<img" not in text
    assert text.count("</script>") == 2
    assert text.count("</title>") == 1
    assert data_of(text)["run"] == EVIL
    assert html.escape(EVIL) in re.search(r"<title>(.*?)</title>", text, re.DOTALL)[1]


def test_a_value_that_looks_like_a_place_of_the_template_stays_a_value():
    text = page({"answer": [], "name": "{{script}}"}, title="{{data}}")
    assert "<title>{{data}}</title>" in text
    assert data_of(text)["name"] == "{{script}}"


def test_the_policy_allows_this_script_and_this_style_and_nothing_else():
    text = page({"answer": []}, title="t")
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)[1]
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"
        for part in (script, style)
    ]
    assert policy == (
        f"default-src 'none'; script-src {hashes[0]}; style-src {hashes[1]}; "
        f"img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_every_script_is_joined_once_and_after_those_it_imports():
    text = bundle()
    order = re.findall(r"^const \$(\w+) = \(\(\) => \{$", text, re.MULTILINE)
    assert sorted(order) == sorted(path.stem for path in ASSETS)
    for path in ASSETS:
        for needed in re.findall(r'from "\./(\w+)\.mjs"', path.read_text(encoding="utf-8")):
            assert order.index(needed) < order.index(path.stem)
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)


def test_scripts_that_import_each_other_are_refused(tmp_path, monkeypatch):
    (tmp_path / "app.mjs").write_text('import { b } from "./b.mjs";\n')
    (tmp_path / "b.mjs").write_text('import { a } from "./app.mjs";\nexport const b = 1;\n')
    monkeypatch.setattr(pages, "ASSETS", tmp_path)
    with pytest.raises(ValueError, match="modules import each other: app > b > app"):
        bundle.__wrapped__()


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.stem)
def test_scripts_are_short_and_parse_texts_as_nothing(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") < 250
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    subprocess.run([node, "--check", path], check=True, capture_output=True)


def test_scores_of_a_level_are_the_best_up_to_its_epoch_of_the_trials_that_got_there(make_run):
    run = load_run(make_run())
    found = {level["epoch"]: level for level in levels(find(run))}
    assert set(found) == {1, 3, 9, 27}
    for epoch, level in found.items():
        there = run.epochs.filter(pl.col("epoch") == epoch)["number"].to_list()
        least = dict(
            run.epochs.filter(pl.col("epoch") <= epoch)
            .group_by("number").agg(pl.col("metric.valid_loss").min()).iter_rows()
        )  # fmt: skip
        expected = [float(f"{least[k]:.4g}") if k in there else None for k in range(46)]
        assert level["scores"] == expected
        assert level["trials"] == len(there)
        assert level["order"] == sorted(there, key=lambda k: (least[k], k))


def test_a_failed_trial_has_no_rank_where_trials_are_compared(make_run, pictures):
    run = load_run(make_run(trials=8, hyperband=False, fail=(3,)))
    data = payload(find(run), pictures)
    assert data["trials"]["failed"] == [0, 0, 0, 1, 0, 0, 0, 0]
    assert all(3 not in level["order"] for level in data["levels"])


def test_the_axis_of_scores_ends_at_the_fence_of_outliers(make_run):
    # Scores 1, 2, 3, 4, 100: quartiles 2 and 4, so the fence is 4 + 1.5 * 2 = 7.
    values = dict(zip((1e-4, 2e-4, 3e-4, 4e-4, 5e-4), (1, 2, 3, 4, 100), strict=True))

    names = iter(values)

    def config(rng):
        return {
            "num_layers": 1, "hidden_size": 32, "dropout": None, "learning_rate": next(names),
            "batch_size": 16, "clip": 1.0,
        }  # fmt: skip

    run = load_run(make_run(
        trials=5, hyperband=False, max_epochs=1, noise=0.0, jitter=0.0, optimum=1.0,
        config=config, floor=lambda config: values[config["learning_rate"]],
    ))  # fmt: skip
    axis = levels(find(run))[-1]["axis"]
    assert axis == {"low": 1.0, "high": 7.0, "beyond": True}


def test_curves_are_thinned_to_a_budget_and_the_page_says_to_how_many_epochs(make_run):
    run = load_run(make_run(trials=30, max_epochs=81, hyperband=False))
    whole, thin = curve_points(run), curve_points(run, budget=600)
    assert whole["epochs"] == list(range(1, 82))
    assert sum(len(values) for values in thin["values"]) <= 600
    assert (thin["epochs"][0], thin["epochs"][-1], thin["of"]) == (1, 81, 81)
    # Those kept lie evenly on a log scale: steps never shrink.
    assert (np.diff(thin["epochs"], n=2) >= -1).all()
    curves = run.curves("valid_loss")
    assert thin["last"] == [float(f"{value:.4g}") for value in curves[:, -1]]
    assert thin["values"][7][1] == float(f"{curves[7, thin['epochs'][1] - 1]:.4g}")


def test_curves_get_what_trials_and_parameters_leave_of_a_page_of_six_megabytes():
    assert points_for(1000, 10) == 250_000
    assert points_for(10_000, 5) == 250_000
    few = points_for(10_000, 20)
    assert few == (5_000_000 - 10_000 * (13 * 28 + 80)) // 7
    assert points_for(10_000, 100) == 0


def test_answer_holds_every_word_of_the_summary_in_its_order(make_run):
    for changes in (
        {},
        {"trials": 6, "fail": (0, 1, 2, 3, 4, 5)},
        {"mode": "max", "metric": "accuracy"},
    ):
        findings = find(load_run(make_run(f"1121-gru-bohb-{len(changes)}", **changes)))
        said = [
            part for block in words.answer(findings) for part in (block["head"], *block["lines"])
        ]
        assert " ".join(" ".join(said).split()) == " ".join(" ".join(summary(findings)).split())


def test_what_importance_says_stands_in_the_answer_line_by_line(make_run):
    findings = find(load_run(make_run()))
    blocks = {block["head"]: block["lines"] for block in words.answer(findings)}
    said = findings.importance.words()
    assert blocks["matters"][: len(said)] == list(said)


def test_the_winning_config_is_whole_and_exact(make_run, pictures):
    findings = find(load_run(make_run(trials=12)))
    found = payload(findings, pictures)["winner"]
    assert YAML(typ="safe").load(found["yaml"]) == findings.best.config
    assert found["yaml"].startswith(f"# run 1121-gru-bohb-7f3a, trial {findings.best.number}\n")
    row = findings.ranking.rows[0]
    assert len(found["curve"]) == findings.run.trials["epochs"][int(row)]


def test_how_it_was_made_comes_from_the_tables_and_the_spec(make_run, pictures):
    folder = make_run(trials=6)
    spec = "name: x\nprovenance: {command: orch sweep x, versions: {numpy: 2.4.6}}\n"
    (folder / "spec.yaml").write_text(spec)
    found = payload(find(load_run(folder)), pictures)["made"]
    facts = dict(found["facts"])
    assert found["spec"] == spec
    assert facts["command"] == "orch sweep x"
    assert facts["versions"] == "numpy 2.4.6"
    assert facts["epochs"] == "27 for a full trial; compared at 1, 3, 9, 27"
    (folder / "spec.yaml").write_text("a: [")  # no YAML: shown as it is
    found = payload(find(load_run(folder)), pictures)["made"]
    assert found["spec"] == "a: ["
    assert "command" not in dict(found["facts"])


def test_sentences_come_from_the_figures_that_were_drawn(make_run, monkeypatch, pictures):
    monkeypatch.setattr(words, "_drawn", lambda name, findings: (False, f"drew {name} again"))
    found = payload(find(load_run(make_run(trials=6))), pictures[:3])["readings"]
    assert found["importance"] == {"drawn": True, "reading": "What importance shows."}
    assert found["epoch_optimum"] == {"drawn": False, "reading": "drew epoch_optimum again"}


@pytest.mark.parametrize(
    "changes",
    [
        {"trials": 1},
        {"trials": 5, "fail": (0, 1, 2, 3, 4)},
        {"trials": 12, "max_epochs": 1, "hyperband": False},
        {"trials": 12, "parameters": {}},
        {"trials": 30, "metric": "accuracy", "mode": "max", "fail": (1,)},
        {"trials": 12, "floor": lambda config: 0.5, "noise": 0.0, "jitter": 0.0},
    ],
    ids=["one", "all failed", "one epoch", "no parameters", "max", "constant"],
)
def test_odd_runs_have_a_report_too(make_run, tmp_path, changes):
    findings = find(load_run(make_run(**changes)))
    data = data_of(write_report(findings, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert len(data["trials"]["number"]) == changes["trials"]


def test_imported_runs_without_optional_columns_have_a_report(
    make_run, rewrite, tmp_path, pictures
):
    folder = make_run()
    trials, epochs, meta = tables(folder)
    rewrite(
        folder,
        trials.drop("seconds", "weights", "error", "node", "started_at", "ended_at"),
        epochs.drop("epoch_seconds", "total_seconds", "bracket", "rung"),
        meta,
    )
    data = payload(find(load_run(folder)), pictures)
    assert set(data["trials"]["weights"]) == {None}
    assert write_report(find(load_run(folder)), tmp_path / "r.html").is_file()
