"""Series in a person's own npz, csv and parquet files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from searchspaces.errors import ConfigurationError, UsageError
from trainables.data import info, load_sweep_data, load_test_part, source_of
from trainables.data.catalog import check_dataset_name
from trainables.data.fetching import fetch
from trainables.data.load import published_part
from trainables.data.testing import check_dataset

within_a_function = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCH_DATA", str(tmp_path / "data"))
    return tmp_path


def little(count=20, features=2, seed=0, users=5):
    """Series of 1 to 6 steps, with labels in text and owners."""
    draw = np.random.default_rng(seed)
    series = [draw.normal(size=(draw.integers(1, 7), features)) for _ in range(count)]
    label = np.array(["walk", "run"])[np.arange(count) % 2]
    return series, label, np.arange(count) // 2 % users


def everything(name):
    """Every series of a data set with its class name, however it is divided."""
    source = source_of(name)
    found = []
    for part in (source.parse(None, "train"), source.parse(None, "test")):
        for row in range(len(part)):
            values = part.values[row, : part.lengths[row]]
            found.append((values.tobytes(), source.classes[part.labels[row]], values.shape))
    return sorted(found)


def as_written(series, label):
    return sorted(
        (one.astype(np.float32).tobytes(), str(name), one.shape)
        for one, name in zip(series, label, strict=True)
    )


def write_npz(file, series, label, group, *, form):
    lengths = np.array([len(one) for one in series])
    if form == "end to end":
        np.savez(file, values=np.concatenate(series), lengths=lengths, label=label, group=group)
        return
    values = np.full((len(series), lengths.max(), series[0].shape[1]), np.nan)
    for row, one in enumerate(series):
        values[row, : len(one)] = one
    np.savez(file, values=values, lengths=lengths, label=label, group=group)


def long_frame(series, label, group):
    return pl.DataFrame(
        [
            {"series": f"s{row}", "step": step, "x": x, "y": y, "label": name, "group": owner}
            for row, (one, name, owner) in enumerate(
                zip(series, label.tolist(), group.tolist(), strict=True)
            )
            for step, (x, y) in enumerate(one.tolist())
        ]
    )


def wide_frame(series, label, group, *, nested):
    columns = (
        {"values": [one.tolist() for one in series]}
        if nested
        else {name: [one[:, at].tolist() for one in series] for at, name in enumerate("xy")}
    )
    return pl.DataFrame({**columns, "label": label, "group": group})


@pytest.mark.parametrize("form", ["padded", "end to end"])
def test_an_npz_file_is_read_padded_or_end_to_end(form):
    series, label, group = little()
    write_npz("own.npz", series, label, group, form=form)
    assert everything("npz:own.npz") == as_written(series, label)


@within_a_function
@given(seed=st.integers(0, 2**32), shuffle=st.booleans(), steps=st.booleans())
def test_a_long_csv_is_read_in_the_order_of_its_steps_wherever_its_rows_stand(seed, shuffle, steps):
    series, label, group = little(seed=seed)
    frame = long_frame(series, label, group)
    if shuffle and steps:
        frame = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    (frame if steps else frame.drop("step")).write_csv("own.csv")
    assert everything("csv:own.csv") == as_written(series, label)


@pytest.mark.parametrize("form", ["long", "lists", "lists of lists", "arrays"])
def test_a_parquet_file_is_read_in_every_form(form):
    series, label, group = little()
    if form == "arrays":
        series = [np.full((3, 2), float(row)) for row in range(20)]
    frame = {
        "long": lambda: long_frame(series, label, group),
        "lists": lambda: wide_frame(series, label, group, nested=False),
        "lists of lists": lambda: wide_frame(series, label, group, nested=True),
        "arrays": lambda: pl.DataFrame(
            {"values": np.stack(series), "label": label, "group": group}
        ),
    }[form]()
    frame.write_parquet("own.parquet")
    assert everything("parquet:own.parquet") == as_written(series, label)


def test_a_parquet_folder_is_its_files_in_the_order_of_their_names(here):
    series, label, group = little()
    frame = long_frame(series, label, group)
    (here / "parts").mkdir()
    frame[40:].write_parquet("parts/b.parquet")
    frame[:40].write_parquet("parts/a.parquet")
    (here / "parts" / "readme.txt").write_text("not data")
    assert everything("parquet:parts") == as_written(series, label)


def test_a_wide_csv_is_a_series_a_row_of_one_feature():
    pl.DataFrame(
        {"label": [1, 0] * 5, "t0": range(10), "t1": range(10, 20), "t2": [0.5] * 10}
    ).write_csv("own.csv")
    series = [np.array([[row], [row + 10], [0.5]]) for row in range(10)]
    assert everything("csv:own.csv") == as_written(series, ["1", "0"] * 5)


def test_all_forms_of_the_same_series_are_the_same_sweep_data():
    series, label, group = little(users=10)
    write_npz("own.npz", series, label, group, form="padded")
    long_frame(series, label, group).write_csv("own.csv")
    wide_frame(series, label, group, nested=False).write_parquet("own.parquet")
    found = [load_sweep_data(name) for name in ("npz:own.npz", "csv:own.csv",
                                                "parquet:own.parquet")]  # fmt: skip
    assert len({one.fingerprint for one in found}) == 1
    assert {one.split for one in found} == {"group: 2 of 8 groups held out"}
    assert found[0].name == "npz:own.npz"
    assert found[0].labels == ("run", "walk")


def test_a_fifth_is_held_back_as_the_test_part_by_group_and_no_seed_moves_it():
    series, label, group = little(count=40, users=20)
    write_npz("own.npz", series, label, group, form="padded")
    tests = [load_test_part("npz:own.npz", seed=seed) for seed in (0, 1)]
    assert tests[0].groups.tolist() == tests[1].groups.tolist()
    assert len(np.unique(tests[0].groups)) == 4
    for seed in (0, 1):
        data = load_sweep_data("npz:own.npz", seed=seed)
        used = {*data.train.groups.tolist(), *data.valid.groups.tolist()}
        assert used.isdisjoint(tests[0].groups.tolist())
        assert (len(data.train), len(data.valid), len(tests[0])) == (24, 8, 8)


def test_a_test_part_of_ones_own_is_what_published_validates_on():
    series, label, _ = little()
    part = np.where(np.arange(20) < 14, "train", "test")
    values = np.stack([np.resize(one, (3, 2)) for one in series])
    np.savez("own.npz", values=values, label=label, part=part)
    data = load_sweep_data("npz:own.npz", split="published")
    assert (len(data.train), len(data.valid)) == (14, 6)
    assert data.split == (
        "published: the test part as published validates; its score is optimistic"
    )
    with pytest.raises(ConfigurationError, match="nothing is left to test on"):
        load_test_part("npz:own.npz", split="published")
    assert len(load_test_part("npz:own.npz")) == 6
    check_dataset(source_of("npz:own.npz"), None)


def test_groups_in_training_and_test_part_are_warned_of():
    series, label, group = little()
    frame = wide_frame(series, label, group, nested=False).with_columns(
        part=pl.Series(["train"] * 15 + ["test"] * 5)
    )
    frame.write_parquet("own.parquet")
    data = load_sweep_data("parquet:own.parquet")
    assert data.warning == "3 groups have series in the training and in the test part"


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_images_keep_their_channels_beside_each_pixel(channels):
    draw = np.random.default_rng(0)
    shape = (10, 4, 5, channels) if channels else (10, 4, 5)
    images = draw.integers(0, 256, shape, dtype=np.uint8)
    np.savez("own.npz", images=images, label=np.arange(10) % 2)
    data = load_sweep_data("npz:own.npz")
    wide = 5 * max(channels, 1)
    assert (data.facts.steps, data.facts.features, data.facts.channels) == (4, wide, channels or 1)
    raw = source_of("npz:own.npz").parse(None, "train").values
    pixels = {image.astype(np.float32).tobytes() for image in images.reshape(10, 4, wide)}
    assert {image.tobytes() for image in raw} <= pixels


def test_labels_that_are_whole_numbers_are_sorted_by_value_and_may_be_named():
    values = np.ones((12, 3, 1))
    np.savez("own.npz", values=values, label=np.arange(12) % 3 * 5.0)
    assert source_of("npz:own.npz").classes == ("0", "5", "10")
    np.savez("own.npz", values=values, label=np.arange(12) % 3, classes=["a", "c", "b"])
    assert source_of("npz:own.npz").classes == ("a", "c", "b")


def test_own_data_are_described_read_each_time_and_never_fetched(here):
    series, label, group = little()
    long_frame(series, label, group).write_csv("own.csv")
    before = load_sweep_data("csv:own.csv").fingerprint
    found = info("csv:own.csv")
    assert (found.feature_names, found.status, str(found.folder)) == (("x", "y"), "own", "own.csv")
    assert found.bytes == (here / "own.csv").stat().st_size
    assert found.fingerprint == before
    assert sum(part.series for part in found.parts.values()) == 20
    with pytest.raises(UsageError, match="is data of your own, read where it lies"):
        fetch("csv:own.csv")
    series[0][0, 0] += 1
    long_frame(series, label, group).write_csv("own.csv")
    assert load_sweep_data("csv:own.csv").fingerprint != before
    assert not (here / "data").exists()


def test_a_file_that_is_not_there_is_named_with_the_folder_it_was_looked_for_in(here):
    for look in (source_of, check_dataset_name):
        with pytest.raises(UsageError) as caught:
            look("npz:sub/own.npz")
        assert str(caught.value) == (
            f"data set 'npz:sub/own.npz': no such file, seen from {here}. "
            f"Give its path, or go where it is."
        )


NPZ = {"values": np.ones((6, 4, 2)), "label": np.arange(6) % 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lable": 1}, "unknown key 'lable'. Known: label, classes, images, values, lengths, "
         "part, group."),
        ({"label": None}, "has no key label. Give the class of each series."),
        ({"values": None}, "give either values or images."),
        ({"label": np.arange(5)}, "label: has the shape (5,) for 6 series. Give one to each."),
        ({"label": np.arange(6) / 2}, "series 1 (from 0) has label 0.5, which is no class. "
         "Give whole numbers or text."),
        ({"label": np.zeros(6)}, "two or more different classes are needed, and there is 0."),
        ({"label": np.arange(6), "classes": ["a", "b"]},
         "series 2 (from 0) has label 2, and classes names 2. Give 0 to 1."),
        ({"lengths": [4, 4, 5, 4, 4, 4]}, "series 2 (from 0) has a length of 5, not 1 to 4."),
        ({"lengths": [4, 4]}, "lengths: has 2 entries for 6 series."),
        ({"values": np.ones((9, 2)), "lengths": [4, 4]}, "values: has 9 rows, and lengths add up "
         "to 8. Two-dimensional values with lengths are the steps of all series end to end; "
         "padded ones are (series, steps, features)."),
        ({"values": np.array(["a"] * 6)}, "values: is an array of <U1, not of numbers."),
        ({"values": np.ones((6, 2, 2, 2, 2))}, "values: has the shape (6, 2, 2, 2, 2). Give "
         "(series, steps, features), or steps end to end as (steps, features) with lengths."),
        ({"values": np.where(np.arange(48).reshape(6, 4, 2) == 13, np.nan, 1.0)},
         "series 1 (from 0), step 2, feature 1: nan is not a finite number. Mend it, or leave it "
         "out; padding lies beyond a series' length."),
        ({"values": np.full((6, 4, 2), 1e39)}, "series 0 (from 0), step 0, feature 0: 1e+39 is "
         "not a finite number. Mend it, or leave it out; padding lies beyond a series' length. "
         "It is not the only one: 6 series have such values."),
        ({"part": ["train"] * 5 + ["valid"]}, "series 5 (from 0) has part 'valid'. Give train or "
         "test; what validates is held out of train."),
        ({"part": ["train"] * 6}, "every part is 'train'. Leave part out, and a fifth is held "
         "back as the test part."),
        ({"part": ["train", "test"] * 3}, "class '1' is in the test part only. Give series of it "
         "to train, or leave it out."),
        ({"group": ["me"] * 6}, "every series has group me, so none can be held out. Leave group "
         "out, or say with part which series test."),
        ({"group": ["me"] * 5 + [""]}, "series 5 (from 0) has no group. Give one to every series."),
        ({"values": None, "images": np.ones((6, 2))}, "images: has the shape (6, 2). Give "
         "(images, rows, columns) or (images, rows, columns, channels)."),
    ],
)  # fmt: skip
def test_a_bad_npz_file_is_refused_in_one_line(changes, message):
    arrays = {key: value for key, value in {**NPZ, **changes}.items() if value is not None}
    np.savez("own.npz", **arrays)
    with pytest.raises(ConfigurationError) as caught:
        source_of("npz:own.npz")
    assert str(caught.value) == f"own.npz: {message}"


def test_one_array_alone_is_refused_with_the_way_to_save_more(here):
    np.save("own.npy", np.ones(3))
    (here / "own.npy").rename("own.npz")
    with pytest.raises(
        ConfigurationError, match=r"^own\.npz: holds one array\. Save with np\.savez"
    ):
        source_of("npz:own.npz")


def test_objects_are_never_unpickled():
    ragged = np.array([np.ones((2, 1)), np.ones((3, 1))], dtype=object)
    np.savez("own.npz", values=ragged, label=[0, 1])
    with pytest.raises(ConfigurationError) as caught:
        source_of("npz:own.npz")
    assert str(caught.value) == (
        "own.npz: values: holds Python objects, which are not unpickled. Save text as a text "
        "array, and series of unequal lengths end to end, with lengths."
    )


LONG = "series,step,x,label,group\na,0,1.0,up,me\na,1,2.0,up,me\nb,0,3.0,down,you\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2.0", "", "line 3, feature x: nan is not a finite number. Mend it, or leave it out; "
         "padding lies beyond a series' length."),
        ("2.0", "two", "column 'x' holds String, not the numbers of a feature. Leave it out, or "
         "rename it: group, label, part, series, step."),
        ("label", "lable", "column 'lable' would be a feature. Call it 'label' if that is meant, "
         "else something else."),
        ("label", "outcome", "column 'outcome' holds String, not the numbers of a feature. Leave "
         "it out, or rename it: step, group, part, label, series."),
        (",group", ",groups", "column 'groups' would be a feature. Call it 'group' if that is "
         "meant, else something else."),
        ("a,1,2.0,up", "a,1,2.0,down", "series 'a' has 2 values of label. Give it one."),
        ("a,1,", "a,0,", "line 3: series 'a' has step 0 a second time."),
        ("a,1,", ",1,", "line 3 has nothing in column 'series'. Give every row a value."),
        ("1.0,up", "1.0,", "line 2 has nothing in column 'label'. Give every row a value."),
        ("series,", "id,", "column 'id' holds String, not the numbers of a feature. Leave it out, "
         "or rename it: series, group, label, part, step."),
    ],
)  # fmt: skip
def test_a_bad_csv_file_is_refused_in_one_line(here, old, new, message):
    (here / "own.csv").write_text(LONG.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        source_of("csv:own.csv")
    assert str(caught.value) == f"own.csv: {message}"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [[1.0, 2.0], [3.0]], "y": [[1.0], [2.0]]},
         "row 0 (from 0): column 'y' has 1 steps, and 'x' has 2."),
        ({"x": [[1.0], []]}, "row 1 (from 0): column 'x' has 0 steps."),
        ({"x": [[1.0], None]}, "row 1 (from 0) has nothing in column 'x'. Give every row a value."),
        ({"x": [[1.0], [None]]}, "row 1 (from 0), step 0, feature x: nan is not a finite number. "
         "Mend it, or leave it out; padding lies beyond a series' length."),
        ({"x": [[1.0], [2.0]], "y": [1, 2]}, "column 'y' holds numbers and 'x' lists. Give lists "
         "to all features."),
        ({"x": [["a"], ["b"]]}, "column 'x' holds lists of String, not of numbers."),
        ({"x": [[[1.0, 2.0]], [[1.0]]]}, "column 'x' holds a step of 1 features. Give each step a "
         "list of 2 numbers."),
    ],
)  # fmt: skip
def test_a_bad_parquet_file_is_refused_in_one_line(columns, message):
    pl.DataFrame({**columns, "label": ["a", "b"]}).write_parquet("own.parquet")
    with pytest.raises(ConfigurationError) as caught:
        source_of("parquet:own.parquet")
    assert str(caught.value) == f"own.parquet: {message}"


@pytest.mark.parametrize("kind", ["npz", "csv", "parquet"])
def test_a_file_of_another_kind_is_refused_with_its_name(here, kind):
    (here / "own").write_bytes(b"\x00\xffneither of them\n\x93")
    with pytest.raises(ConfigurationError, match=r"^own: "):
        source_of(f"{kind}:own")


def test_a_damaged_npz_file_never_raises_anything_but_a_named_error(here):
    series, label, group = little(count=2)
    write_npz("own.npz", series, label, group, form="padded")
    good = (here / "own.npz").read_bytes()
    for at in range(len(good)):
        flipped = good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :]
        for bad in (good[:at], flipped):
            (here / "own.npz").write_bytes(bad)
            try:
                source_of("npz:own.npz")
            except ConfigurationError as error:
                assert str(error).startswith("own.npz: ")  # noqa: PT017  # some flips do no harm


def test_a_part_is_not_cached_where_its_owner_may_change_it(here):
    series, label, group = little()
    write_npz("own.npz", series, label, group, form="padded")
    published_part(source_of("npz:own.npz"), here / "data", "train")
    assert not (here / "data").exists()


def test_the_examples_of_the_documentation_are_read(here):
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(compile(code, "docs/data.md", "exec"), {})
    assert len(load_sweep_data("npz:own.npz").train)
    [text] = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (here / "own.csv").write_text(text + "c,0,0.5,9.1,1.2,run,bob\nd,0,0.3,9.0,1.0,walk,bob\n")
    assert info("csv:own.csv", split="stratified").feature_names == ("x", "y", "z")
