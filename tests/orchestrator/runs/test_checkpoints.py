"""A checkpoint is whole, or it is noticed that it is not."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest

from orchestrator.engine.records import Checkpoint
from orchestrator.runs.checkpoints import CheckpointError, FolderStore, StoreError

DATA = b"weights" * 50


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "checkpoints")


def names(store: FolderStore) -> list[str]:
    return sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*"))


def test_what_was_saved_is_loaded_also_by_another_process(store: FolderStore) -> None:
    saved = store.save("t1/001-000003.safetensors", 3, DATA)
    sha = hashlib.sha256(DATA).hexdigest()
    assert saved == Checkpoint("t1/001-000003.safetensors", 3, sha, 350)
    assert pickle.loads(pickle.dumps(store)).load(saved) == DATA
    assert names(store) == ["t1", "t1/001-000003.safetensors"]


def test_every_flipped_bit_and_every_cut_is_noticed(store: FolderStore) -> None:
    saved = store.save("t1/a", 1, DATA)
    path = store.folder / "t1/a"
    spoilt = [DATA[:cut] for cut in range(len(DATA))]
    for bit in range(8 * len(DATA)):
        flipped = bytearray(DATA)
        flipped[bit // 8] ^= 1 << bit % 8
        spoilt.append(bytes(flipped))
    for data in spoilt[::7]:
        path.write_bytes(data)
        with pytest.raises(CheckpointError) as failure:
            store.load(saved)
        assert str(failure.value) == "checkpoint t1/a: its bytes are not those that were written"


def test_a_checkpoint_that_is_gone_is_one_line(store: FolderStore) -> None:
    saved = store.save("t1/a", 1, DATA)
    store.delete("t1/a")
    with pytest.raises(CheckpointError) as failure:
        store.load(saved)
    assert str(failure.value) == "checkpoint t1/a: cannot be read: No such file or directory"
    store.delete("t1/a")


def test_the_last_file_of_a_trial_takes_its_folder_with_it(store: FolderStore) -> None:
    store.save("t1/a", 1, DATA)
    store.save("t1/b", 2, DATA)
    store.delete("t1/a")
    assert names(store) == ["t1", "t1/b"]
    store.delete("t1/b")
    assert names(store) == []
    store.save("t1/c", 3, DATA)
    assert names(store) == ["t1", "t1/c"]


def test_clearing_keeps_one_key_and_no_other_trial_s(store: FolderStore) -> None:
    for key in ("t1/a", "t1/b", "t10/a"):
        store.save(key, 1, DATA)
    (store.folder / "t1" / "b.123.part").write_bytes(b"half")
    store.clear("t1", keep="t1/b")
    assert names(store) == ["t1", "t1/b", "t10", "t10/a"]
    store.clear("t1")
    store.clear("t2")
    assert names(store) == ["t10", "t10/a"]


def test_a_store_that_cannot_be_written_is_no_trial_s_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as failure:
        FolderStore(tmp_path / "file").save("t1/a", 1, DATA)
    assert str(failure.value) == "checkpoint t1/a: cannot be written: Not a directory"
