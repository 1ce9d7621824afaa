"""``orch analyze`` on runs that a sweep has left behind."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.runs.folder import RunFolder

TABLE = "lr,units,val_loss\n" + "".join(
    f"{0.001 * 1.2**number},{32 + number},{(number - 38) ** 2 / 1000}\n" for number in range(40)
)


def output(*arguments):
    done = CliRunner().invoke(cli, ["analyze", *arguments])
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def refused(*arguments):
    done = CliRunner().invoke(cli, ["analyze", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line.removeprefix("error: ")


@pytest.fixture
def run(make_run):
    return make_run(failing={12: 1})


def test_the_tables_are_brought_up_to_date_first(run):
    assert not run.trials.exists()
    lines = output("--only", "none").splitlines()
    assert run.trials.exists()
    assert lines[0] == "best      trial 0  valid_loss 0.189  accuracy 0.906  epoch 27 of 27"
    assert not (run.path / "figures").exists()


def test_figures_and_formats_are_named_apart_or_together(run):
    output("--only", "epoch_optimum,learning_curves", "--format", "png", "--format", "pdf")
    drawn = sorted(path.name for path in (run.path / "figures").iterdir())
    assert drawn == [
        "epoch_optimum.pdf", "epoch_optimum.png", "learning_curves.pdf", "learning_curves.png",
    ]  # fmt: skip


def test_json_has_the_same_and_where_the_report_lies(run):
    found = json.loads(output(run.suffix, "--json", "--only", "none", "--html"))
    assert (found["run"], found["metric"]) == (run.id, "valid_loss")
    assert found["report"] == str(run.path / "report.html")
    assert (run.path / "report.html").read_text().startswith("<!doctype html>")


def test_another_metric_is_said_and_so_is_its_direction(run):
    said = " ".join(output("--metric", "accuracy", "--only", "none").split())
    assert said.startswith("best trial 0 accuracy 0.906 epoch 27 of 27")
    assert "judged by accuracy, higher is better; the sweep itself sought valid_loss" in said


def test_names_that_do_not_exist_are_refused_before_anything_is_drawn(run):
    assert refused("--only", "importence").startswith(
        "unknown figure 'importence'. Did you mean 'importance'? Known: importance, "
    )
    assert refused("--format", "jpg").startswith("unknown figure format 'jpg'.")
    assert refused("--metric", "acc").startswith("unknown metric 'acc'.")
    assert not (run.path / "figures").exists()


def document(*arguments):
    """JSON without the NaN that Python would let pass."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(output(*arguments, "--json", "--only", "none"), parse_constant=refuse)


@pytest.fixture
def runs(make_run):
    return [make_run(seed=seed) for seed in range(2)]


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """The end of the id of a run that was imported."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text(TABLE)
    domain = "lr={low: 1e-4, high: 1, log: true}"
    units = "units={low: 16, high: 71}"
    arguments = ["import", "csv", "table.csv", "--json", "--domain", domain, "--domain", units]
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)["run"].rpartition("-")[2]


def test_several_runs_are_compared_and_looked_at_as_one(runs):
    ends = [run.suffix for run in runs]
    lines = output(*ends, "--only", "incumbent", "--format", "png").splitlines()
    assert lines[0].startswith("compare   gru-bohb after 342 epochs: valid_loss 0.189")
    assert "together  92 trials of 2 runs as one" in lines
    (folder,) = runs[0].path.parent.glob("compare-*")
    assert [path.name for path in folder.iterdir()] == ["incumbent.png"]
    assert f"figures   {folder} (1)" in lines
    found = document(*ends)
    assert found["comparison"]["strategies"][0]["runs"] == [run.id for run in runs]
    assert found["merged"]["trials"] == 92


def test_strategies_are_told_apart_by_name(make_run):
    names = ("gru-bohb", "gru-asha")
    ends = [make_run(name).suffix for name in names]
    text = output(*ends, "--only", "none")
    assert all(f"\n            {name}" in text for name in names)
    assert "repeat with other seeds: orch sweep NAME --seed 1" in text


def test_runs_that_cannot_be_compared_say_why_in_one_line(runs, make_run, imported):
    one, two = (run.suffix for run in runs)
    assert refused(one, one) == f"run {runs[0].id} is given twice. Give each run once."
    other = make_run("mlp-bohb", dataset="spoken-arabic-digits")
    assert refused(one, other.suffix) == (
        f"runs {runs[0].id} and {other.id} cannot be compared: data set digits and "
        f"spoken-arabic-digits. Give runs on one data set."
    )
    assert "cannot be compared: metric valid_loss and val_loss. Judge both by one: " in (
        refused(one, imported)
    )
    assert refused(one, imported, "--metric", "accuracy").endswith(
        "has no metric 'accuracy'. It has: val_loss."
    )
    assert refused(one, two, "--metric", "acc").startswith("unknown metric 'acc'.")


@pytest.mark.parametrize("several", [False, True])
def test_the_command_for_a_report_is_of_the_runs_that_were_given(runs, several):
    ends = [run.suffix for run in (runs if several else runs[:1])]  # another run is the latest
    asked = ("--only", "epoch_optimum", "--format", "svg", "--metric", "accuracy")
    lines = output(*ends, *asked).splitlines()
    (hint,) = [line.partition("    orch analyze ")[2] for line in lines if "orch analyze" in line]
    assert hint == f"{' '.join(ends)} --metric accuracy --html"
    output(*shlex.split(hint), "--only", "none")
    folders = list(runs[0].path.parent.glob("compare-*")) if several else [runs[0].path]
    assert [(folder / "report.html").is_file() for folder in folders] == [True]


def test_paths_below_the_present_folder_are_printed_as_such(run):
    lines = output(str(run.path.resolve()), "--only", "epoch_optimum", "--format", "png")
    assert f"figures   {run.path}/figures (1)" in lines


def test_a_figure_of_several_runs_and_no_format_are_refused(run):
    assert refused("--only", "incumbent") == (
        "figure 'incumbent' compares runs. Give two or more of them."
    )
    assert refused("--format", "") == (
        "no format to draw figures in. Give png, svg or pdf, or draw none."
    )
    assert not (run.path / "figures").exists()


def test_a_run_that_is_not_found_is_looked_for_where_runs_are(run, tmp_path):
    (tmp_path / "other runs").mkdir()
    assert refused("zzz") == "no run 'zzz' in runs. List them: orch runs"
    assert refused("zzz", "--runs", "other runs") == (
        "no run 'zzz' in other runs. List them: orch runs --runs 'other runs'"
    )


def test_a_run_without_results_is_resumed_only_if_nothing_runs_it(make_run, monkeypatch):
    run = make_run(reason="", epochs=0)
    assert refused() == f"run {run.id} has no results yet. Go on: orch resume {run.suffix}"
    monkeypatch.setattr(RunFolder, "is_owned", lambda run: True)
    assert refused() == (
        f"run {run.id} is running and has no results yet. They come every half minute."
    )


def test_of_a_run_that_was_stopped_is_said_how_to_go_on(make_run):
    run = make_run(reason="interrupted", epochs=100)
    assert f"the sweep is not finished; orch resume {run.id}\n" in output("--only", "none")


def test_advice_on_an_imported_run_needs_no_sweep_of_orch(imported):
    text = output(imported, "--only", "none")
    assert "epochs    cannot tell: trials of 1 epoch have no optimum\n" in text
    assert (
        "units: 5 of the best 5 lie in the top tenth of 16..71\n            search units up to "
        in text
    )
    assert "--" not in text
    assert document(imported)["best"]["number"] == 38


@pytest.mark.parametrize("arguments", [["analyze"], ["import", "csv"]])
def test_help_waits_for_no_library_of_the_analysis(arguments):
    code = (
        "import contextlib, sys; from orchestrator.cli.main import cli\n"
        f"with contextlib.suppress(SystemExit): cli({[*arguments, '--help']!r})\n"
        "heavy = {'polars', 'matplotlib', 'numpy', 'sklearn', 'scipy', 'pandas', 'pyarrow'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
