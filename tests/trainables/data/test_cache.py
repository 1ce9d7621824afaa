"""Parsed once, mapped ever after; a changed source or a damaged cache is parsed again."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import stat

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from searchspaces.errors import ConfigurationError
from trainables.data import DamagedDataError, MissingDataError, Part
from trainables.data.load import published_part, sweep_data
from trainables.data.tensors import read_part, write_part

TRAIN, TEST = "Train_Arabic_Digit.txt", "Test_Arabic_Digit.txt"


class Counted:
    """Counts the calls of a source's ``parse``."""

    def __init__(self, source, monkeypatch):
        self.calls = []
        parse = source.parse

        def counting(folder, part):
            self.calls.append(part)
            return parse(folder, part)

        monkeypatch.setattr(source, "parse", counting)


def assert_same(one, other):
    for name in ("values", "lengths", "labels", "groups"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_part_is_parsed_once_and_then_mapped_read_only(little, placed, monkeypatch):
    counted = Counted(little, monkeypatch)
    first = published_part(little, placed, "train")
    second = published_part(little, placed, "train")
    assert counted.calls == ["train"]
    assert_same(first, second)
    assert isinstance(second.values.base, np.memmap)
    assert not second.values.flags.writeable
    assert sorted(path.name for path in (placed / "little" / "parsed").iterdir()) == [
        "train.lock",
        "train.safetensors",
    ]


def test_the_cache_may_be_read_by_whoever_may_read_the_data(little, placed):
    published_part(little, placed, "train")
    mode = (placed / "little" / "parsed" / "train.safetensors").stat().st_mode
    mask = os.umask(0o022)
    os.umask(mask)
    assert stat.S_IMODE(mode) == 0o666 & ~mask


def test_a_newer_parser_parses_again(little, placed, monkeypatch):
    published_part(little, placed, "train")
    counted = Counted(little, monkeypatch)
    monkeypatch.setattr(type(little), "version", 2)
    published_part(little, placed, "train")
    published_part(little, placed, "train")
    assert counted.calls == ["train"]


def test_a_changed_file_is_parsed_again_and_a_touched_one_is_not(
    little_files, make_source, placed, monkeypatch
):
    source = make_source(little_files, checked=False)
    before = published_part(source, placed, "train")
    counted = Counted(source, monkeypatch)
    file = placed / "little" / TRAIN
    os.utime(file, ns=(1, 1))
    assert_same(published_part(source, placed, "train"), before)
    assert counted.calls == []
    lines = file.read_text().split("\n")
    lines[1] = " ".join(["0.5"] * 13)
    file.write_text("\n".join(lines))
    assert published_part(source, placed, "train").values[0, 0].tolist() == [0.5] * 13
    assert counted.calls == ["train"]


def test_a_changed_file_that_has_a_published_checksum_is_refused(little, placed):
    published_part(little, placed, "train")
    file = placed / "little" / TRAIN
    text = file.read_text()
    file.write_text(text.replace("1", "2", 1))
    with pytest.raises(DamagedDataError) as caught:
        published_part(little, placed, "train")
    assert str(caught.value).startswith(f"{file}: the file is not as published: sha256 ")
    assert str(caught.value).endswith(". Run: orch data fetch little")


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_anywhere_in_a_file_is_refused_with_its_name(little, placed, data):
    file = placed / "little" / TEST
    good = file.read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "drop", "insert"]))
    byte = bytes([data.draw(st.integers(0, 255).filter(lambda b: b != good[at]))])
    damaged = {
        "flip": good[:at] + byte + good[at + 1 :],
        "cut": good[:at],
        "drop": good[:at] + good[at + 1 :],
        "insert": good[:at] + byte + good[at:],
    }[kind]
    file.write_bytes(damaged)
    try:
        with pytest.raises(ConfigurationError) as caught:
            published_part(little, placed, "test")
    finally:
        file.write_bytes(good)
    assert str(caught.value).startswith(str(file))
    assert str(caught.value).endswith(". Run: orch data fetch little")
    assert "\n" not in str(caught.value)
    assert not (placed / "little" / "parsed" / "test.safetensors").exists()


def test_a_cache_that_was_cut_anywhere_is_made_anew(little, placed):
    good = published_part(little, placed, "test")
    cache = placed / "little" / "parsed" / "test.safetensors"
    whole = cache.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for length in [*range(0, header + 8, 7), header - 1, header, len(whole) // 2, len(whole) - 1]:
        cache.write_bytes(whole[:length])
        assert read_part(cache) is None, length
    assert_same(published_part(little, placed, "test"), good)
    assert cache.read_bytes() == whole


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_flipped_byte_in_a_cache_header_raises_nothing(tmp_path, at, byte):
    file = tmp_path / "part.safetensors"
    if not file.exists():
        write_part(file, Part.from_series([np.ones((2, 3))], [0]), {"version": 1})
        (tmp_path / "whole").write_bytes(file.read_bytes())
    whole = (tmp_path / "whole").read_bytes()
    flipped = bytearray(whole)
    flipped[at % len(whole)] = byte
    file.write_bytes(flipped)
    read = read_part(file)
    assert read is None or read[0].values.dtype == np.float32


def test_a_failed_write_leaves_the_old_cache_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "part.safetensors"
    write_part(file, Part.from_series([np.ones((2, 3))], [0]), {"version": 1})

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_part(file, Part.from_series([np.zeros((2, 3))], [0]), {"version": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["part.safetensors"]
    part, origin = read_part(file)
    assert origin == {"version": 1}
    assert part.values.tolist() == np.ones((1, 2, 3)).tolist()


def test_a_full_disk_costs_time_and_not_the_sweep(little, placed, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert len(published_part(little, placed, "train")) == 120
    assert [p.name for p in (placed / "little" / "parsed").iterdir()] == ["train.lock"]


def test_data_in_a_folder_that_cannot_be_written_is_parsed_each_time(little, placed, monkeypatch):
    counted = Counted(little, monkeypatch)
    (placed / "little" / "parsed").write_text("in the way")  # also stops root, unlike a mode
    first = published_part(little, placed, "train")
    assert_same(published_part(little, placed, "train"), first)
    assert counted.calls == ["train", "train"]


def test_leftovers_of_a_killed_writer_are_removed(little, placed):
    parsed = placed / "little" / "parsed"
    parsed.mkdir()
    (parsed / ".train.safetensors.abc.tmp").write_bytes(b"half")
    published_part(little, placed, "train")
    assert sorted(path.name for path in parsed.iterdir()) == ["train.lock", "train.safetensors"]


def parse_in_another_process(source, folder, gate, results):
    parse = source.parse
    calls = []

    def counting(*args):
        calls.append(1)
        return parse(*args)

    source.parse = counting
    gate.wait()
    part = published_part(source, folder, "train")
    results.put((len(calls), float(part.values.sum())))


def test_processes_that_start_at_once_parse_once_and_see_the_same(little, placed):
    # fork, because the source is a class made inside a fixture and cannot be pickled
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=parse_in_another_process, args=(little, placed, gate, results))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert sorted(calls for calls, _ in found) == [0, 0, 0, 1]
    assert len({total for _, total in found}) == 1


def test_a_missing_file_says_the_command_that_gets_it(little, placed):
    (placed / "little" / TRAIN).unlink()
    with pytest.raises(MissingDataError) as caught:
        sweep_data(little, placed, seed=0)
    own = placed / "little"
    assert str(caught.value) == f"no data for 'little' in {own}. Run: orch data fetch little"
    assert caught.value.exit_code == 2


def test_nothing_in_the_test_file_can_influence_a_sweep(little, placed):
    before = sweep_data(little, placed, seed=4)
    shutil.rmtree(placed / "little" / "parsed")
    (placed / "little" / TEST).write_text("not even blocks")
    changed = sweep_data(little, placed, seed=4)
    shutil.rmtree(placed / "little" / "parsed")
    (placed / "little" / TEST).unlink()
    absent = sweep_data(little, placed, seed=4)
    for other in (changed, absent):
        assert_same(other.train, before.train)
        assert_same(other.valid, before.valid)
        assert (other.facts, other.split) == (before.facts, before.split)


def test_a_parser_that_returns_nonsense_is_named(little, placed, monkeypatch):
    good = little.parse(placed / "little", "train")
    broken = {
        "values are float64, not float32": Part(
            good.values.astype(float), good.lengths, good.labels, good.groups
        ),
        "series 0 has label 99 of 20 classes": Part(
            good.values, good.lengths, good.labels + 99, good.groups
        ),
        "padding is not 0": Part(good.values + 1, good.lengths, good.labels, good.groups),
        "series 0 has a length of 0": Part(good.values, good.lengths * 0, good.labels, good.groups),
        "a value is not finite": Part(
            good.values * np.float32(np.nan), good.lengths, good.labels, good.groups
        ),
        "labels have the shape (1,)": Part(good.values, good.lengths, good.labels[:1], good.groups),
    }
    for problem, part in broken.items():
        monkeypatch.setattr(little, "parse", lambda folder, name, part=part: part)
        with pytest.raises(ConfigurationError) as caught:
            published_part(little, placed, "train")
        assert str(caught.value) == f"data set 'little': {problem}. Mend its parse()."
