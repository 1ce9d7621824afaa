"""Tables of trials, clean and messy."""

from __future__ import annotations

import pytest

from analysis import analyze
from orchestrator.importing.csv_table import read_csv
from orchestrator.importing.write import write
from searchspaces.errors import UsageError

WANDB = """\
Name,State,Created,Runtime,learning_rate,hidden,activation,val_loss,val_acc
brave-1,finished,2024-01-01,33,0.001,64,relu,0.5,0.8
calm-2,finished,2024-01-01,34,0.01,128,,0.3,0.9
dull-3,crashed,2024-01-01,35,0.1,256,relu,,
eager-4,killed,2024-01-01,36,0.003,64,tanh,0.4,0.85
"""
CURVES = """\
trial,epoch,lr,seconds,acc
0,1,0.1,1.5,0.5
0,2,0.1,3.0,0.6
0,3,0.1,4.5,0.7
1,1,0.01,1.5,0.8
2,1,0.02,1.5,0.4
2,2,0.02,3.0,0.65
2,3,0.02,4.5,0.75
"""


@pytest.fixture
def table(tmp_path):
    def write_table(text, name="sweep.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write_table


def test_an_export_of_a_row_a_trial_is_read_without_a_word(table):
    foreign = read_csv(table(WANDB))
    assert (foreign.metric, foreign.mode) == ("val_loss", "min")
    assert foreign.chosen == "guessed among 2 metrics; min guessed from its name"
    assert [(one.name, one.state.value, one.seconds) for one in foreign.trials] == [
        ("brave-1", "completed", 33), ("calm-2", "completed", 34),
        ("dull-3", "failed", 35), ("eager-4", "pruned", 36),
    ]  # fmt: skip
    assert foreign.trials[1].config == {"learning_rate": 0.01, "hidden": 128}
    assert foreign.trials[2].error == "no val_loss in the table"
    assert foreign.epochs.select("trial", "epoch", "metric.val_loss", "metric.val_acc").rows() == [
        (0, 1, 0.5, 0.8), (1, 1, 0.3, 0.9), (3, 1, 0.4, 0.85),
    ]  # fmt: skip
    assert foreign.guessed == (
        "trial: column Name",
        "parameters: learning_rate, hidden, activation; --config A,B says better",
    )


def test_a_row_a_trial_and_epoch_makes_curves(table):
    foreign = read_csv(table(CURVES))
    assert [(one.number, one.state.value, one.seconds) for one in foreign.trials] == [
        (0, "completed", 4.5), (1, "pruned", 1.5), (2, "completed", 4.5),
    ]  # fmt: skip
    assert [dict(one.config) for one in foreign.trials] == [{"lr": 0.1}, {"lr": 0.01}, {"lr": 0.02}]
    assert foreign.epochs.filter(trial=2)["metric.acc"].to_list() == [0.4, 0.65, 0.75]
    assert foreign.max_epochs == 3
    assert foreign.guessed[:2] == ("trial: column trial", "epoch: column epoch")


def test_rows_in_any_order_and_again_are_put_right(table):
    head, *rows = CURVES.splitlines()
    again = "0,3,0.1,4.5,0.9"
    foreign = read_csv(table("\n".join([head, *reversed(rows), again])))
    zero = next(place for place, one in enumerate(foreign.trials) if one.name == "0")
    found = foreign.epochs.filter(trial=zero).sort("epoch")
    assert found["metric.acc"].to_list() == [0.5, 0.6, 0.9]
    assert foreign.skipped == ("1 row of an epoch that is there again: the last one counts",)


def test_rows_that_are_alike_in_their_config_are_a_trials_where_no_column_says(table):
    foreign = read_csv(table("lr,epoch,loss\n0.1,1,5\n0.1,2,4\n0.2,1,3\n0.2,2,2\n"))
    assert [dict(one.config) for one in foreign.trials] == [{"lr": 0.1}, {"lr": 0.2}]
    assert "trial: rows that are alike in lr" in foreign.guessed


def test_columns_can_be_named(table):
    text = CURVES.replace("trial,epoch,lr,seconds,acc", "who,when,lr,x,y")
    foreign = read_csv(
        table(text), trial="who", epoch="when", metric="y", mode="max", config=["lr"]
    )
    assert (foreign.metric, foreign.mode, foreign.chosen) == ("y", "max", "as you said")
    assert len(foreign.trials) == 3
    assert foreign.guessed == ()


def test_a_column_that_changes_within_a_trial_is_no_parameter(table):
    text = "trial,epoch,lr,decayed,loss\n0,1,0.1,0.1,3\n0,2,0.1,0.05,2\n1,1,0.2,0.2,3\n"
    foreign = read_csv(table(text))
    assert foreign.parameters == ["lr"]
    assert foreign.skipped == ("decayed: no parameter, for it changes within a trial",)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_seen(table, separator):
    assert len(read_csv(table(CURVES.replace(",", separator))).trials) == 3


def test_decimal_commas_are_numbers_between_semicolons(table):
    text = CURVES.replace(",", ";").replace(".", ",")
    foreign = read_csv(table(text))
    assert [one.config["lr"] for one in foreign.trials] == [0.1, 0.01, 0.02]


def test_prefixes_of_mlflow_and_optuna_say_what_a_column_is(table):
    mlflow = "run_id,params.lr,params.kind,metrics.loss,tags.user\na,0.1,x,3,me\nb,0.2,y,2,me\n"
    foreign = read_csv(table(mlflow))
    assert (foreign.parameters, foreign.metric) == (["lr", "kind"], "loss")
    optuna = (
        "number,value,datetime_start,duration,params_x,state\n"
        "0,0.5,2024-01-01 00:00:00,0 days 00:00:09,0.1,COMPLETE\n"
        "1,0.2,2024-01-01 00:00:00,0 days 00:00:09,0.4,FAIL\n"
    )
    foreign = read_csv(table(optuna), mode="min")
    assert (foreign.parameters, foreign.metric) == (["x"], "value")
    assert [one.state.value for one in foreign.trials] == ["completed", "failed"]


def test_values_that_are_not_finite_are_none(table):
    foreign = read_csv(table("lr,loss\n0.1,nan\n0.2,inf\n0.3,1\n"))
    assert [one.state.value for one in foreign.trials] == ["failed", "failed", "completed"]
    assert foreign.epochs["metric.loss"].to_list() == [1.0]


@pytest.mark.parametrize(
    ("text", "how", "line"),
    [
        ("a,b\nx,y\n", {}, "P: no trial reports a number. There is nothing to compare."),
        ("a,b\n1,2\n3\n", {},
         "P:3: 1 cells below 2 names. Put quotes around cells that contain ','."),
        ("", {}, "P is empty."),
        ("a,loss\n", {}, "P has a line of names and no trial below it."),
        ("a,a\n1,2\n", {}, "P:1: two columns are called 'a'. Rename one."),
        (b"\xff\xfe\x00", {}, "P is no UTF-8 text. Save it as CSV, UTF-8."),
        ("lr,loss\n0.1,3\n0.2,oops\n", {"metric": "loss"},
         "P:3: loss is 'oops', which is no number. Mend the cell, or leave it empty."),
        ("lr,loss\n0.1,\n", {"metric": "loss"}, "P: loss is empty in every row."),
        (WANDB, {"metric": "accuracy"},
         "--metric: P has no column 'accuracy'. Columns: val_acc, activation, learning_rate, Name, "
         "State, Created, Runtime, val_loss, hidden."),
        (CURVES, {"trial": "trial", "config": ["epoch"]},
         "--epoch: P has several rows of a trial. Give the column that counts its epochs: "
         "lr, acc."),
        ("lr,epoch,loss\n0.1,1,5\n0.1,1,4\n", {},
         "--trial: P has several rows of an epoch. Give the column that says whose they are: lr, "
         "loss."),
        ("trial,epoch,loss\n0,1,5\n,2,4\n0,2,4\n", {"trial": "trial"},
         "P:3: trial is empty. Say whose row it is."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_where_it_is_wrong(table, text, how, line):
    path = table(text)
    with pytest.raises(UsageError) as error:
        read_csv(path, **how)
    assert str(error.value).replace(str(path), "P") == line


def test_no_file_and_a_folder_are_refused(tmp_path):
    for path, line in (
        (tmp_path / "no.csv", f"{tmp_path / 'no.csv'}: cannot be read: No such file or directory."),
        (tmp_path, f"{tmp_path} is a folder. Give a CSV file."),
    ):
        with pytest.raises(UsageError) as error:
            read_csv(path)
        assert str(error.value) == line


def test_a_table_is_analyzed_and_has_its_best_trial(table, tmp_path):
    rows = ["trial,epoch,lr,width,accuracy"]
    for number in range(24):
        for epoch in range(1, 4):
            score = 0.9 - 0.02 * abs(number - 11) + 0.01 * epoch
            rows.append(f"{number},{epoch},{0.001 * 1.3**number},{2 ** (4 + number % 4)},{score}")
    run = write(read_csv(table("\n".join(rows))), tmp_path / "runs").run
    found = analyze(run.path, formats=("png",), only=("learning_curves",)).findings
    assert (found.best.number, found.best.epoch) == (11, 3)
    assert found.best.objective == pytest.approx(0.93)
    assert found.best.config["width"] == 128
    assert found.run.meta.parameters[0].log
