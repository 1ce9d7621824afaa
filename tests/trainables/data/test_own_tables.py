"""What a person's csv and parquet tables mean: no column or order is guessed at."""

from __future__ import annotations

import polars as pl
import pytest

from searchspaces.errors import ConfigurationError
from trainables.data import source_of


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(name):
    with pytest.raises(ConfigurationError) as caught:
        source_of(name)
    return str(caught.value)


def both_parts(source):
    return source.parse(None, "train"), source.parse(None, "test")


INDEX = "is the index of pandas. Save with index=False, or name it."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",series,step,x,label\n0,a,0,1.5,up\n1,b,0,2.5,down\n",
         "column 1 has no name; pandas writes its index so. Save with index=False, or name it."),
        (",t0,t1,label\n0,1,2,up\n1,3,4,down\n",
         "column 1 has no name; pandas writes its index so. Save with index=False, or name it."),
        (",,t0,label\na,0,1,up\na,1,3,down\n",
         "column 1 has no name; pandas writes its index so. Save with index=False, or name it."),
        ("Unnamed: 0,t0,label\n0,1,up\n1,3,down\n", f"column 'Unnamed: 0' {INDEX}"),
        ("t0,label,\n1,up,\n3,down,\n", "column 3 has no name. Name it, or leave it out."),
        ("t0, ,label\n1,2,up\n3,4,down\n", "column 2 has no name. Name it, or leave it out."),
    ],
)  # fmt: skip
def test_a_csv_column_without_a_name_is_no_feature(here, text, message):
    (here / "own.csv").write_text(text)
    assert refusal("csv:own.csv") == f"own.csv: {message}"


@pytest.mark.parametrize("name", ["__index_level_0__", "__index_level_1__"])
@pytest.mark.parametrize(
    "columns", [{"series": ["a", "b"], "x": [1.5, 2.5]}, {"x": [[1.5], [2.5]]}, {"x": [1.5, 2.5]}]
)
def test_the_index_that_pandas_keeps_in_parquet_is_no_feature(name, columns):
    pl.DataFrame({**columns, "label": ["up", "down"], name: [0, 1]}).write_parquet("own.parquet")
    assert refusal("parquet:own.parquet") == f"own.parquet: column {name!r} {INDEX}"


def long_parquet(step):
    """Two classes of two series each, whose x counts the steps as they are given."""
    count = len(step)
    pl.DataFrame(
        {
            "series": [one for one in "abcd" for _ in step],
            "step": pl.concat([pl.Series(step)] * 4),
            "x": list(range(count)) * 4,
            "label": [one for one in ("up", "down", "up", "down") for _ in step],
        }
    ).write_parquet("own.parquet")


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (["0", "2", "10"], "String"),
        (["t0", "t2", "t10"], "String"),
        (["31/01/2024", "01/02/2024"], "String"),
        (["2024-01-02", "soon"], "String"),
        (["2024-01-02", "2024-02-31"], "String"),
        ([False, True], "Boolean"),
        ([[0], [1]], "List(Int64)"),
    ],
)
def test_steps_whose_order_is_unknown_are_refused(step, kind):
    long_parquet(step)
    assert refusal("parquet:own.parquet") == (
        f"own.parquet: column 'step' holds {kind}, which has no order in time. "
        f"Give numbers, or times such as 2024-01-31 09:30:00."
    )


@pytest.mark.parametrize(
    ("step", "order"),
    [
        ([10, 9, 100], [1, 0, 2]),
        ([0.5, -1.0, 0.25], [1, 2, 0]),
        (["2024-01-10", "2024-01-02"], [1, 0]),
        (["2024-01-02T10:00:00Z", "2024-01-02T10:00:00.5Z"], [0, 1]),  # as text: . before Z
        (["2024-10-27 02:30:00+01:00", "2024-10-27 02:45:00+02:00"], [1, 0]),  # 1:30 and 0:45 UTC
    ],
)
def test_steps_are_taken_in_the_order_of_numbers_and_times(step, order):
    long_parquet(step)
    for part in both_parts(source_of("parquet:own.parquet")):
        assert [series[:, 0].tolist() for series in part.values] == [order] * len(part)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ([0, None, 1], "row 1 (from 0) has nothing in column 'step'. Give every row a value."),
        ([0.0, 1.0, float("nan")],
         "row 2 (from 0) has nothing in column 'step'. Give every row a value."),
        ([None, None], "row 0 (from 0) has nothing in column 'step'. Give every row a value."),
        ([3, 4, 3], "row 2 (from 0): series 'a' has step 3 a second time."),
        (["2024-01-02", "2024-01-02 00:00"],
         "row 1 (from 0): series 'a' has step 2024-01-02 00:00:00 a second time."),
    ],
)  # fmt: skip
def test_a_step_that_is_missing_or_there_twice_is_refused(step, message):
    long_parquet(step)
    assert refusal("parquet:own.parquet") == f"own.parquet: {message}"


def wide_csv(label, **columns):
    """Each label twice, so that one series of each class may test."""
    label = [one for one in label for _ in range(2)]
    steps = {f"t{at}": [row + at / 2 for row in range(len(label))] for at in range(2)}
    pl.DataFrame({"label": label, **columns, **steps}).write_csv("own.csv")


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        (["02", "01", "1"], ("01", "1", "02")),
        (["10", "2", "-1"], ("-1", "2", "10")),
        (["+1", "-1"], ("+1", "-1")),
        (["9007199254740993", "9007199254740992"], ("9007199254740992", "9007199254740993")),
        (["1.0", "10.0", "2.0"], ("1", "2", "10")),  # as pandas writes a column of floats
        (["01", "1.0"], ("01", "1.0")),
        (["walk", "01", "1"], ("01", "1", "walk")),
        (["true", "false"], ("false", "true")),
    ],
)
def test_labels_of_a_csv_are_the_classes_they_are_written_as(label, classes):
    wide_csv(label)
    assert source_of("csv:own.csv").classes == classes


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (["1", "0.5"], "line 4 has label 0.5, which is no class. Give whole numbers or text."),
        (["1", "NaN"], "line 4 has nothing in column 'label'. Give every row a value."),
        (["1", None], "line 4 has nothing in column 'label'. Give every row a value."),
    ],
)
def test_a_csv_label_that_is_a_fraction_or_missing_is_refused(label, message):
    wide_csv(label)
    assert refusal("csv:own.csv") == f"own.csv: {message}"


def test_groups_and_series_of_a_csv_are_told_apart_as_they_are_written(here):
    wide_csv(["up", "down", "up", "down"], group=["007", "7", "7.0", "1.1", "1.10"] + ["1"] * 3)
    parts = both_parts(source_of("csv:own.csv"))
    assert len({*parts[0].groups.tolist(), *parts[1].groups.tolist()}) == 6
    series = ["01", "1", "1.0", "2"]
    rows = [f"{one},{step},0.5,{at % 2}" for at, one in enumerate(series) for step in (0, 1)]
    (here / "own.csv").write_text("\n".join(["series,step,x,label", *rows]) + "\n")
    assert sum(len(part) for part in both_parts(source_of("csv:own.csv"))) == 4
