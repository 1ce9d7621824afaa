"""Whatever store it is: what was written comes back, whole, and what was deleted does not."""

from __future__ import annotations

import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.runs.address import Bucket
from orchestrator.runs.bucket import BucketStore
from orchestrator.runs.checkpoints import CheckpointError, FolderStore, Kept
from orchestrator.runs.shared import SharedStore

STORES = ["folder", "shared", "bucket", "bucket with a prefix", "home"]
LISTED = STORES[:-1]
ODD = "7f3a 0001/über ☃ #1 & 100%?+.safetensors"


@pytest.fixture(scope="module")
def keeper():
    """What a ``HomeStore`` writes through, and the folder that it writes to."""
    import ray

    from orchestrator.engine.home import HomeStore, _Keeper
    from orchestrator.engine.machines import started_ray

    def made(folder):
        actor = ray.remote(_Keeper).options(num_cpus=0)
        return HomeStore(folder, actor.remote(folder), "another machine")

    with started_ray(1):
        yield made


@pytest.fixture
def store(request, tmp_path):
    match request.param:
        case "folder":
            return FolderStore(tmp_path / "checkpoints")
        case "shared":
            made = SharedStore(tmp_path, "1122-gru-7f3a")
            made.mark()
            return made
        case "home":
            return request.getfixturevalue("keeper")(FolderStore(tmp_path / "checkpoints"))
    s3 = request.getfixturevalue("s3")
    prefix = "some/where" if request.param == "bucket with a prefix" else ""
    return BucketStore(Bucket("s3", s3.bucket(), prefix, s3.url), "1122-gru-7f3a")


every = pytest.mark.parametrize("store", STORES, indirect=True)
listed = pytest.mark.parametrize("store", LISTED, indirect=True)


def is_there(store, key):
    try:
        store.read(key)
    except CheckpointError:
        return False
    return True


@every
@pytest.mark.parametrize("size", [0, 1, 40_000, 20_000_000])
def test_what_was_saved_is_loaded_by_another_process_too(store, size):
    data = bytes(range(250)) * (size // 250 + 1)
    data = data[:size]
    saved = store.save("t1/001-000003.safetensors", 3, data)
    assert (saved.size, saved.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert store.load(saved) == data
    assert pickle.loads(pickle.dumps(store)).load(saved) == data


@every
def test_what_is_written_again_takes_the_place_of_what_was_there(store):
    first = store.save("t1/a", 1, b"first" * 1000)
    second = store.save("t1/a", 1, b"second")
    assert store.load(second) == b"second"
    with pytest.raises(CheckpointError):
        store.load(first)


@every
def test_what_is_gone_is_one_line_and_may_be_deleted_again(store):
    saved = store.save("t1/a", 1, b"data")
    store.delete("t1/a")
    store.delete("t1/a")
    with pytest.raises(CheckpointError) as failure:
        store.load(saved)
    if isinstance(store, BucketStore):
        place = f"{store.where}/1122-gru-7f3a/t1/a"
        assert str(failure.value) == f"checkpoint {place}: there is no such object"
    else:
        said = "checkpoint t1/a: cannot be read: No such file or directory"
        assert str(failure.value) == said


@every
def test_other_bytes_are_noticed(store):
    saved = store.save("t1/a", 1, b"weights" * 100)
    for spoilt in (b"weights" * 99, b"Weights" + b"weights" * 99, b""):
        store.write("t1/a", spoilt)
        with pytest.raises(CheckpointError) as failure:
            store.load(saved)
        assert str(failure.value) == "checkpoint t1/a: its bytes are not those that were written"


@every
def test_clearing_takes_one_trial_s_and_leaves_the_one_to_keep(store):
    for key in ("t1/a", "t1/b", "t1/c", "t10/a"):
        store.save(key, 1, b"data")
    store.clear("t1", keep="t1/b")
    assert [is_there(store, f"t1/{name}") for name in "abc"] == [False, True, False]
    store.clear("t1")
    store.clear("t1")
    store.clear("never was")
    assert not is_there(store, "t1/b")
    assert is_there(store, "t10/a")
    store.save("t1/d", 1, b"data")
    assert is_there(store, "t1/d")


@every
def test_names_may_hold_what_urls_and_shells_mind(store):
    saved = store.save(ODD, 1, b"odd")
    assert store.load(saved) == b"odd"
    store.clear("7f3a 0001", keep=ODD)
    assert store.load(saved) == b"odd"
    store.delete(ODD)
    assert not is_there(store, ODD)


@every
def test_many_write_at_once_and_each_object_is_one_writer_s(store):
    def write(number):
        saved = store.save(f"t{number % 3}/{number}", 1, bytes([number]) * 50_000)
        store.write("t0/same", bytes([number]) * 50_000)
        return saved

    with ThreadPoolExecutor(8) as threads:
        saved = list(threads.map(write, range(24)))
    assert [store.load(one)[0] for one in saved] == list(range(24))
    same = store.read("t0/same")
    assert same == same[:1] * 50_000


@listed
def test_it_tells_what_it_holds_and_forgets_it(store):
    assert store.kept() == []
    sizes = {"t1/a": 10, ODD: 0, "t2/b": 70_000}
    for key, size in sizes.items():
        store.write(key, bytes(size))
    assert set(store.kept()) == {Kept(key, size) for key, size in sizes.items()}
    store.forget([ODD, "t2/b", "t3/never was"])
    assert store.kept() == [Kept("t1/a", 10)]


def test_a_folder_that_is_named_from_here_is_the_same_for_a_worker_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    packed = pickle.dumps(FolderStore(Path("runs/checkpoints")))
    monkeypatch.chdir(tmp_path / "elsewhere")
    pickle.loads(packed).save("0001/001-000001.safetensors", 1, b"state")
    assert (tmp_path / "runs/checkpoints/0001/001-000001.safetensors").read_bytes() == b"state"
