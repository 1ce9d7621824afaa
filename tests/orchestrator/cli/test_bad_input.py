"""Bad input: one clear line, exit code 2, nothing left behind."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli

KEYS = (
    "version, name, architecture, command, dataset, split, device, precision, space, training, "
    "points, warm_start, searcher, scheduler, trials, epochs, metric, mode, objectives, outcomes, "
    "seed, seeds, folds, concurrency, cpus, gpus, storage, max_time, max_epochs_total, target, "
    "plateau, checkpoint_seconds, tracking, strategy"
)
GOOD = """\
version: 1
architecture: gru
strategy: bohb
space:
  hidden_size:
    low: 16
    high: 256
training:
  learning_rate: {low: 1e-4, high: 0.1}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCH_DATA", str(tmp_path_factory.mktemp("data")))
    return tmp_path


def refused(*arguments):
    """The line on stderr of a command that is refused."""
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["gru-bobh"], "unknown sweep 'gru-bobh'. Did you mean 'gru-bohb'? Known: gru-bohb, "),
        (["gru", "--trials", "0"], "trials: 0 is "),
        (["gru", "--epochs", "0"], "epochs: 0 is "),
        (["gru", "--concurrency", "0"], "concurrency: 0 is "),
        (["gru", "--seed", "-1"], "seed: -1 is "),
        (["gru", "--mode", "best"], "mode: 'best' is not 'min' or 'max'."),
        (["gru", "--dataset", "digit"],
         "unknown data set 'digit'. Did you mean 'digits'? Known: digits, spoken-arabic-digits, "
         "fashion-mnist, gestures."),
        (["gru", "--metric", "valid_los"],
         "unknown metric 'valid_los'. Did you mean 'valid_loss'? Known: valid_loss, "),
        (["gru", "--metric", "valid_los", "--dry-run"],
         "unknown metric 'valid_los'. Did you mean 'valid_loss'? Known: valid_loss, "),
        (["gru", "--max-time", "soon"],
         "--max-time: 'soon' is no time. Write 90s, 10m, 2h or seconds."),
        (["gru", "--max-time", "0"], "--max-time: '0' is no time. Write 90s, 10m, 2h or seconds."),
        (["gru", "--set", "trials"],
         "--set: 'trials' is not KEY=VALUE. Write: --set space.hidden_size.high=512"),
        (["gru", "--set", "tirals=3"],
         f"tirals: unknown key. Did you mean 'trials'? Known: {KEYS}."),
        (["gru", "--set", "sweep=3"], "sweep: unknown key. Did you mean 'seed'? Known: "),
        (["gru", "--set", "space.hiden_size.high=8"],
         "space.hiden_size: unknown key. Did you mean 'hidden_size'? "
         "Known: num_layers, hidden_size, dropout, bidirectional, readout."),
        (["gru", "--set", "space.hidden_size.high=8"],
         "space.hidden_size.high: 8 is below low=16. Give high >= low."),
        (["gru", "--set", "training.learning_rate.low=0"],
         "training.learning_rate.log: a log scale needs low > 0, and low is 0.0. "
         "Raise low or drop log."),
        (["gru-bohb", "--epochs", "2"],
         "epochs: 2 epochs leave nothing to halve with scheduler.eta=3. Give at least 3 epochs, "
         "or choose scheduler fifo."),
        (["nowhere.yaml"], "nowhere.yaml: cannot be read: No such file or directory."),
        (["gru", "--dataset", "spoken-arabic-digits"], "no data for 'spoken-arabic-digits' in "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_sweep_that_cannot_be_is_refused_before_there_is_a_run(folder, arguments, line):
    found = refused("sweep", *arguments)
    assert found.startswith(line)
    if line.endswith("."):
        assert found == line
    assert list(folder.iterdir()) == []


def test_missing_data_say_the_command_that_gets_them():
    found = refused("sweep", "gru", "--dataset", "spoken-arabic-digits")
    assert found.endswith(". Run: orch data fetch spoken-arabic-digits")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD + "tirals: 3\n", f"my.yaml:10: tirals: unknown key. Did you mean 'trials'? "
                               f"Known: {KEYS}."),
        (GOOD.replace("high: 256", "hihg: 256"),
         "my.yaml:7: space.hidden_size.hihg: unknown key 'hihg'. Did you mean 'high'? Known: "),
        (GOOD.replace("high: 256", "high: 8"),
         "my.yaml:7: space.hidden_size.high: 8 is below low=16. Give high >= low."),
        (GOOD.replace("1e-4", "0"),
         "my.yaml:9: training.learning_rate.log: a log scale needs low > 0, and low is 0.0. "
         "Raise low or drop log."),
        (GOOD + "trials: 0\n", "my.yaml:10: trials: 0 is "),
        (GOOD + "dataset: digit\n",
         "my.yaml:10: unknown data set 'digit'. Did you mean 'digits'? "
         "Known: digits, spoken-arabic-digits, fashion-mnist, gestures."),
        (GOOD.replace("gru", "gruu"),
         "my.yaml:2: unknown architecture 'gruu'. Did you mean 'gru'? "
         "Known: gru, conv-gru, attention-gru, rnn, cnn, lstm, mlp."),
        ("a: [1, 2\nb: {", "my.yaml:2: not YAML: "),
        ("just words\n", "my.yaml: holds no mapping. See: orch sweep gru-bohb --dry-run"),
        ("", "my.yaml: holds no mapping. See: orch sweep gru-bohb --dry-run"),
    ],
    ids=["key", "deep-key", "low", "log", "trials", "dataset", "architecture", "yaml", "text",
         "empty"],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_with_file_and_line(folder, text, line):
    (folder / "my.yaml").write_text(text)
    found = refused("sweep", "my.yaml")
    assert found.startswith(line)
    if line.endswith("."):
        assert found == line
    assert [path.name for path in folder.iterdir()] == ["my.yaml"]


def test_a_file_that_is_not_text_is_refused(folder):
    (folder / "my.yaml").write_bytes(bytes(range(128, 256)))
    assert refused("sweep", "my.yaml") == "my.yaml: cannot be read: not UTF-8 text."


def test_a_folder_that_cannot_be_written_is_refused(folder):
    (folder / "file").write_text("")
    assert refused("sweep", "gru", "--no-check", "--runs", "file/runs") == (
        "file/runs: no run can be written there (Not a directory). "
        "Give another folder: --runs FOLDER"
    )
    assert [path.name for path in folder.iterdir()] == ["file"]


@pytest.mark.parametrize("command", ["show", "best", "resume", "analyze"])
def test_a_run_that_does_not_exist_is_refused(folder, command):
    assert refused(command) == "no runs in runs. Start one: orch sweep gru-bohb"
    assert refused(command, "7f3a") == "no run '7f3a' in runs. List them: orch runs"
    assert list(folder.iterdir()) == []


def test_runs_of_an_empty_folder_say_how_to_start_one():
    assert refused("runs") == "no runs in runs. Start one: orch sweep gru-bohb"


@pytest.mark.parametrize("command", ["show", "best", "analyze"])
def test_a_run_without_results_is_refused(make_run, command):
    run = make_run(epochs=0, reason="")
    assert refused(command) == (f"run {run.id} has no results yet. Go on: orch resume {run.suffix}")


def test_a_part_of_two_ids_asks_for_more(make_run):
    names = sorted(run.id for run in (make_run(epochs=1), make_run(epochs=1)))
    found = refused("show", "gru-bohb")
    assert found.startswith("'gru-bohb' is part of 2 runs: ")
    assert all(name in found for name in names)
    assert found.endswith(". Give more of the id.")
