from __future__ import annotations

import base64
import html
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from analysis import analyze, figure, load_run
from analysis.figures import Picture
from analysis.findings import find
from analysis.notebook_html import analysis_html
from searchspaces.errors import UnknownNameError, UsageError

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
EVIL = "<script>alert('&\"x')</script>"


class Page(HTMLParser):
    """What a browser would make of it: tags with their attributes, and text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def names(self):
        return {tag for tag, _ in self.tags}

    def images(self):
        return [attrs for tag, attrs in self.tags if tag == "img"]


def cells(page_source):
    """Rows of a table: (head, text)."""
    rows = re.findall(r"<th[^>]*>(.*?)</th><td[^>]*>(.*?)</td>", page_source, re.DOTALL)
    return [(html.unescape(head), html.unescape(text)) for head, text in rows]


def test_a_run_shows_its_data_states_and_best_trial(make_run):
    run = load_run(make_run(fail=(5,)))
    rows = cells(run._repr_html_())
    best = find(run).best
    states = run.trials["state"].value_counts()
    count = dict(states.iter_rows())
    assert rows[:5] == [
        ("run", "1121-gru-bohb-7f3a"),
        ("sweep", "gru-bohb"),
        ("data", "digits, random"),
        ("trials", f"46: {count['completed']} completed, {count['pruned']} pruned, 1 failed"),
        ("metric", "valid_loss (lower is better)"),
    ]
    assert rows[5] == (
        "best",
        f"trial {best.number}  valid_loss {best.objective:.4g}  "
        f"accuracy {best.metrics['accuracy']:.3f}  epoch {best.epoch} of 27",
    )
    assert rows[6][1].startswith(f"num_layers {best.config['num_layers']}  hidden_size ")
    assert "clip" not in rows[6][1]  # a constant distinguishes no trial
    assert repr(run) == f"<Run 1121-gru-bohb-7f3a: 46 trials, {run.epochs.height} epochs>"


def test_a_run_without_a_result_or_a_trial_still_shows(make_run, rewrite):
    folder = make_run(trials=2, fail=(0, 1), max_epochs=2, hyperband=False, finished=False)
    run = load_run(folder)
    rows = cells(run._repr_html_())
    assert ("trials", "2: 2 failed") in rows
    assert rows[-2:] == [
        ("best", "none: no trial has a result"),
        ("", f"the sweep is not finished; orch resume {folder}"),
    ]
    rewrite(folder, run.trials.clear(), run.epochs.clear(), dict(run.meta.raw))
    assert ("trials", "none") in cells(load_run(folder)._repr_html_())


def test_a_best_trial_that_did_not_run_all_epochs_says_so(make_run):
    folder = make_run(trials=9)
    run = load_run(folder)
    trials = run.trials.with_columns(
        pl.when(pl.col("state") == "completed").then(pl.lit("pruned")).otherwise("state")
        .alias("state")
    )  # fmt: skip
    epochs = run.epochs.filter(pl.col("epoch") <= 9)
    for name, frame in (("trials", trials), ("epochs", epochs)):
        metadata = pl.read_parquet_metadata(folder / f"{name}.parquet")
        frame.write_parquet(folder / f"{name}.parquet", metadata=metadata)
    best = dict(cells(load_run(folder)._repr_html_()))["best"]
    assert best.endswith("of 9 (no trial ran all 27)")


@pytest.fixture
def hostile(make_run, rewrite):
    """A run whose every text is markup."""
    folder = make_run(
        trials=12,
        hyperband=False,
        parameters={
            "act": {"group": "space", "kind": "choice", "values": [EVIL, "</td></table>"]},
            "rate": {"group": "training", "kind": "float", "low": 0.0, "high": 1.0},
        },
        floor=lambda config: config["rate"],
        config=lambda rng: {"act": EVIL, "rate": float(rng.random())},
    )
    run = load_run(folder)
    meta = {**run.meta.raw, "run": EVIL, "sweep": EVIL, "dataset": EVIL, "split": EVIL,
            "warning": EVIL, "finished": False, "limit": EVIL}  # fmt: skip
    trials = run.trials.with_columns(pl.lit(EVIL).alias("trial_id"), pl.lit(EVIL).alias("error"),
                                     (pl.col("state") + EVIL).alias("state"))  # fmt: skip
    rewrite(folder, trials, run.epochs, meta)
    return load_run(folder)


def test_markup_in_names_and_values_is_shown_and_not_obeyed(hostile):
    page = Page(hostile._repr_html_())
    assert page.names() == {"table", "tr", "th", "td"}
    assert page.text.count(EVIL) == 1 + 1 + 2 + 1 + 1 + 1 + 1  # run, sweep, data, care, state,
    # best config, note
    page = Page(hostile.best()._repr_html_())
    assert page.names() == {"table", "tr", "th", "td"}
    assert page.text.count(EVIL) == 4  # id, state, error, config
    page = Page(figure("learning_curves", hostile)._repr_html_())
    assert page.names() == {"div", "img"}
    found = analyze(hostile, only=["learning_curves"], formats=("png",))
    picture = Picture("x", f'" onerror={EVIL}', True, found.pictures[0].paths)
    page = Page(analysis_html([EVIL, *found.lines], [picture]))
    assert page.names() == {"div", "pre", "img"}
    assert EVIL in page.text
    [image] = page.images()
    assert set(image) == {"style", "alt", "src"}
    assert image["alt"] == f'x: " onerror={EVIL}'


def test_a_very_long_value_does_not_fill_the_notebook(make_run, rewrite):
    folder = make_run(trials=4)
    run = load_run(folder)
    trials = run.trials.with_columns(pl.lit("x" * 100_000).alias("error"))
    rewrite(folder, trials, run.epochs, dict(run.meta.raw))
    assert len(load_run(folder).trial(0)._repr_html_()) < 3_000


def test_a_trial_shows_its_metrics_at_its_best_epoch(make_run):
    run = load_run(make_run(fail=(0,)))
    trial = run.best()
    rows = dict(cells(trial._repr_html_()))
    assert rows["trial"] == f"{trial.number}  ({trial.trial_id})"
    assert rows["state"] == "completed after 27 epochs"
    assert rows[f"epoch {trial.best_epoch}"].startswith(
        f"valid_loss {trial.score():.4g}  train_loss "
    )
    assert rows["config"].startswith(f"num_layers {trial.config['num_layers']}  hidden_size ")
    assert dict(cells(run.trial(0)._repr_html_()))["error"] == "loss became nan"


def png_of(source):
    return base64.b64decode(source.partition("base64,")[2].partition('"')[0], validate=True)


def test_a_figure_is_an_object_that_shows_itself(make_run):
    run = load_run(make_run())
    shown = figure("learning_curves", run)
    assert shown.drawn
    assert shown.title == "Learning curves"
    assert shown.reading.startswith("18, 12, 8 and 8 trials ended")
    [image] = Page(shown._repr_html_()).images()
    assert image["alt"] == f"Learning curves. {shown.reading}"
    assert image["style"].startswith("width:500px;max-width:100%;")
    assert png_of(image["src"]) == figure("learning_curves", run)._repr_png_()
    assert png_of(image["src"]).startswith(b"\x89PNG")
    bundle = shown._repr_mimebundle_()
    assert png_of(bundle["text/html"]) == bundle["image/png"]


def test_a_figure_takes_a_run_its_findings_its_path_or_a_part_of_its_id(make_run, monkeypatch):
    folder = make_run()
    monkeypatch.chdir(folder.parent.parent)
    expected = figure("epoch_optimum", folder)._repr_png_()
    for source in (load_run(folder), find(load_run(folder)), str(folder), "7f3a", ""):
        assert figure("epoch_optimum", source)._repr_png_() == expected


def test_a_figure_is_drawn_and_saved_as_analyze_does_it(make_run, tmp_path):
    folder = make_run()
    [picture] = analyze(folder, only=["epoch_optimum"], formats=("png", "svg", "pdf")).pictures
    shown = figure("epoch_optimum", folder)
    assert (shown.reading, shown.drawn) == (picture.reading, picture.drawn)
    for path in picture.paths:
        saved = shown.save(tmp_path / f"mine{path.suffix}")
        assert saved.read_bytes() == path.read_bytes()
    assert shown.save(str(tmp_path / "MINE.PNG")).is_file()


def test_a_look_that_the_notebook_set_does_not_reach_the_figures(make_run):
    import matplotlib as mpl

    run = load_run(make_run())
    plain = figure("epoch_optimum", run)._repr_png_()
    with mpl.rc_context({"figure.facecolor": "black", "axes.facecolor": "red", "axes.grid": True,
                         "lines.linewidth": 9.0}):  # fmt: skip
        assert figure("epoch_optimum", run)._repr_png_() == plain
        assert mpl.rcParams["lines.linewidth"] == 9.0


def test_a_change_to_a_figure_is_shown(make_run):
    shown = figure("importance", load_run(make_run()))
    before = shown._repr_png_()
    assert shown._repr_png_() == before
    shown.figure.axes[0].axvline(0.9)
    assert shown._repr_png_() != before


def test_a_figure_that_would_mislead_says_why_in_words(make_run):
    shown = figure("importance", load_run(make_run(trials=3)))
    reason = "only 3 trials can be compared (epoch 1); it takes 10"
    assert (shown.drawn, shown.reading) == (False, reason)
    page = Page(shown._repr_html_())
    assert page.images() == []
    assert page.text == f"{shown.title} not drawn: {reason}"
    assert shown._repr_mimebundle_()["text/html"] == shown._repr_html_()
    assert shown._repr_png_().startswith(b"\x89PNG")


def test_what_a_figure_cannot_be_is_one_line(make_run, tmp_path):
    folder = make_run(trials=4)
    with pytest.raises(UnknownNameError, match=r"^unknown figure 'curves'\. "):
        figure("curves", folder)
    shown = figure("learning_curves", folder)
    with pytest.raises(UnknownNameError, match=r"^unknown figure format 'jpg'\. "):
        shown.save(tmp_path / "x.jpg")
    nowhere = tmp_path / "nowhere" / "x.png"
    with pytest.raises(UsageError) as caught:
        shown.save(nowhere)
    assert str(caught.value) == (
        f"cannot write figure to {nowhere}: No such file or directory. Give another path"
    )


def test_an_analysis_shows_its_words_and_the_figures_that_were_drawn(make_run):
    folder = make_run(trials=3)
    found = analyze(folder, only=["learning_curves", "importance"])
    page = Page(analysis_html(found.lines, found.pictures))
    assert page.text == "\n".join(found.lines)
    [image] = page.images()
    assert image["alt"].startswith("learning_curves: ")
    png = folder / "figures" / "learning_curves.png"
    assert png_of(image["src"]) == png.read_bytes()
    png.unlink()
    [image] = Page(analysis_html((), found.pictures)).images()
    assert image["src"].startswith("data:image/svg+xml;base64,")
    png.with_suffix(".svg").unlink()
    assert Page(analysis_html((), found.pictures)).images() == []


def test_the_example_is_stored_without_outputs_and_without_paths():
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        assert not re.search(r"/(home|root|tmp|work|Users)/", source)
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.slow
def test_the_example_runs_from_top_to_bottom(tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    # A kernel of this interpreter, and none of the settings of whoever runs the tests.
    spec = tmp_path / "jupyter" / "kernels" / "this" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "this", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = tmp_path / "here"
    where.mkdir()
    client = NotebookClient(
        notebook, timeout=200, kernel_name="this", resources={"metadata": {"path": str(where)}}
    )
    client.execute()  # a cell that raises is raised here

    shown = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                assert output.output_type != "error"
                shown.setdefault(cell.source.splitlines()[-1], {}).update(output.get("data", {}))
    assert dict(cells(shown["sweep"]["text/html"]))["trials"] == "12: 12 completed"
    assert Page(shown["best"]["text/html"]).text.startswith("trial")
    [image] = Page(shown["curves"]["text/html"]).images()
    assert image["alt"].startswith("Learning curves. ")
    assert base64.b64decode(shown["curves"]["image/png"]).startswith(b"\x89PNG")
    assert "image/png" in shown["plt.show()"]
    assert (where / "curves.pdf").read_bytes().startswith(b"%PDF")
    assert [path.name for path in (where / "runs").iterdir()] == [
        Path(dict(cells(shown["sweep"]["text/html"]))["run"]).name
    ]
    assert "<pre" in shown["found"]["text/html"]
