"""Where checkpoints go instead: what can be such a place, and what is said of one that cannot."""

from __future__ import annotations

import pickle
import platform
import shutil
import socket
import threading

import pytest

from orchestrator.names import compose
from orchestrator.runs import bucket as bucket_module
from orchestrator.runs.address import Bucket, address_of, normal, with_server
from orchestrator.runs.behind import DeletingBehind
from orchestrator.runs.bucket import BucketStore
from orchestrator.runs.bucket_errors import reason
from orchestrator.runs.checkpoints import CheckpointError, FolderStore, StoreError
from orchestrator.runs.distant import StorageError, require
from orchestrator.runs.shared import SharedStore
from orchestrator.runs.storage import opened, proven, store_of, tried
from orchestrator.spec import spec_from
from searchspaces.errors import ConfigurationError

RUN = "1122-gru-7f3a"
CREDENTIALS = "Credentials come from the environment, ~/.aws or the machine's role"


def line(call, *arguments):
    with pytest.raises((StorageError, StoreError, CheckpointError)) as error:
        call(*arguments)
    return str(error.value)


@pytest.fixture
def fast(monkeypatch):
    """One attempt at a server that is not there."""
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 1)
    monkeypatch.setattr(bucket_module, "REQUEST_SECONDS", 2.0)
    bucket_module._opened.cache_clear()
    yield
    bucket_module._opened.cache_clear()


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("s3://data/sweeps/a/", Bucket("s3", "data", "sweeps/a")),
        ("s3://data", Bucket("s3", "data")),
        ("s3://data//a%20b", Bucket("s3", "data", "a b")),
        ("gcs://data/x", Bucket("gs", "data", "x")),
        (
            "s3://data/x?endpoint_override=http://minio:9000&region=home",
            Bucket("s3", "data", "x", "http://minio:9000", "home"),
        ),
        (
            "s3://data/x?scheme=http&endpoint_override=minio:9000",
            Bucket("s3", "data", "x", "http://minio:9000"),
        ),
        ("s3://data?endpoint_override=minio", Bucket("s3", "data", "", "https://minio")),
    ],
)
def test_a_url_names_a_bucket_and_is_written_in_one_way(text, means):
    assert address_of(text) == means
    assert address_of(normal(text)) == means
    assert normal(normal(text)) == normal(text)


def test_a_path_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert normal("shared/a b") == f"{tmp_path}/shared/a b"
    assert normal("~/shared") == "/home/me/shared"
    assert normal("file:///mnt/a%20b") == "/mnt/a b"
    assert normal("") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://host/x", "ftp:// is no place that is known here. Give s3://bucket/prefix, "
         "gs://bucket/prefix or a folder that all machines see."),
        ("s3://", "s3:// is to be followed by the name of a bucket."),
        ("s3:///x", "s3:// is to be followed by the name of a bucket."),
        ("file://host/x", "'file://host/x' names no folder. Write file:///folder, or /folder."),
        ("s3://data?regoin=x", "unknown option 'regoin'. Did you mean 'region'? Known: region, "
         "endpoint_override, scheme."),
    ],
)  # fmt: skip
def test_what_is_no_such_place_is_refused_in_a_line(text, said):
    with pytest.raises(ConfigurationError) as error:
        spec_from(compose("gru-asha"), {"storage": text})
    assert str(error.value) == f"storage: {said}"


@pytest.mark.parametrize(
    "text",
    [
        "s3://AKIA:s3cret@data/x",
        "s3://AKIA:s3/cret@data/x",
        "s3://AKIA@data/x",
        "s3://data/x?access_key=AKIA&secret_key=s3cret",
        "gs://data?credentials=s3cret",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(text):
    with pytest.raises(ConfigurationError) as error:
        spec_from(compose("gru-asha"), {"storage": text})
    assert str(error.value) == (
        "storage: a URL that holds a key or a password would be written down. Leave them out: "
        "they come from the environment, ~/.aws or the machine's role."
    )


def test_the_server_that_the_environment_names_travels_with_the_store():
    said = Bucket("s3", "data", "", "http://said")
    environment = {"AWS_ENDPOINT_URL": "http://any", "AWS_ENDPOINT_URL_S3": "http://its/"}
    assert with_server(said, environment) == said
    assert with_server(Bucket("s3", "data"), environment).endpoint == "http://its"
    assert with_server(Bucket("s3", "data"), {"AWS_ENDPOINT_URL": "http://any"}).endpoint == (
        "http://any"
    )
    assert with_server(Bucket("gs", "data"), environment).endpoint == ""


def test_the_spec_names_the_place_and_the_run_is_a_folder_there(s3, tmp_path):
    name = s3.bucket()
    spec = spec_from(compose("gru-asha"), {"storage": f"s3://{name}/sweeps/"})
    assert spec.dump()["storage"] == f"s3://{name}/sweeps"
    assert "storage" not in spec_from(compose("gru-asha")).dump()
    store = store_of(spec.storage, RUN, tmp_path)
    store.save("7f3a-0001/001-000003.safetensors", 3, b"data")
    assert s3.objects(name) == {f"sweeps/{RUN}/7f3a-0001/001-000003.safetensors": 4}
    assert isinstance(store_of("", RUN, tmp_path), FolderStore)


def test_a_bucket_is_tried_and_nothing_is_left_of_it(s3, tmp_path):
    name = s3.bucket()
    tried(f"s3://{name}")
    tried(str(tmp_path))
    tried("")
    assert s3.objects(name) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_is_not_there_is_one_line_everywhere(s3, tmp_path):
    store = store_of("s3://no-such-bucket/x", RUN, tmp_path)
    said = "s3://no-such-bucket/x: there is no bucket 'no-such-bucket'"
    assert line(tried, "s3://no-such-bucket/x") == line(store.kept) == f"{said}."
    missing = "cannot be written: there is no bucket 'no-such-bucket'"
    assert line(store.mark) == f"s3://no-such-bucket/x: {missing}."
    for size in (10, 20_000_000):
        assert line(store.save, "t1/a", 1, bytes(size)) == (
            f"checkpoint s3://no-such-bucket/x/{RUN}/t1/a: {missing}"
        )


def test_a_server_that_is_away_is_one_line_and_no_reason_to_start_a_trial_over(fast, s3):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = BucketStore(Bucket("s3", "data", "", f"http://127.0.0.1:{port}"), RUN)
    away = f"nobody answers at 127.0.0.1:{port}"
    with pytest.raises(StoreError) as error:
        store.read("t1/a")
    assert str(error.value) == f"checkpoint s3://data/{RUN}/t1/a: cannot be read: {away}"
    assert line(store.kept) == f"s3://data: {away}."
    assert line(store.remove_all) == f"s3://data: {away}."
    assert line(store.delete, "t1/a") == (
        f"checkpoint s3://data/{RUN}/t1/a: cannot be deleted: {away}"
    )


def test_a_server_that_says_nothing_is_given_up(fast, s3):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        store = BucketStore(Bucket("s3", "data", "", f"http://{host}"), RUN)
        assert line(store.check) == f"s3://data: {host} does not answer in time."


def test_who_may_not_write_read_or_delete_is_told_which_before_a_run(s3, monkeypatch):
    buckets = [s3.bucket() for _ in range(6)]  # a connection keeps its credentials

    def as_(who):
        for key, value in who.items():
            monkeypatch.setenv(key, value)
        return f"s3://{buckets.pop()}"

    look = ("s3:GetObject", "s3:ListBucket", "s3:HeadBucket")  # AWS has no name for the last
    nobody, reader, keeper = s3.person(), s3.person(*look), s3.person(*look, "s3:PutObject")
    everybody = s3.person("s3:*")
    with s3.guarded():
        url = as_(everybody)
        tried(url)
        url = as_(nobody)
        assert line(tried, url) == f"{url}: access denied. {CREDENTIALS}."
        url = as_(reader)
        assert line(tried, url) == f"{url}: cannot be written: access denied. {CREDENTIALS}."
        url = as_(keeper)
        assert line(tried, url) == f"{url}: cannot be deleted: access denied. {CREDENTIALS}."
        url = as_({"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"})
        store = store_of(url, RUN, None)
        assert line(store.mark).endswith(f"its access key is not known there. {CREDENTIALS}.")
        url = as_({**everybody, "AWS_SECRET_ACCESS_KEY": "wrong"})
        store = store_of(url, RUN, None)
        assert line(store.mark).endswith(f"its secret key is wrong. {CREDENTIALS}.")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("When reading: AWS Error UNKNOWN (HTTP status 301) during HeadObject operation",
         "the bucket is in another region. Name it at the URL's end: ?region=NAME"),
        ("AWS Error UNKNOWN (HTTP status 400) during PutObject: Unable to parse ExceptionName: "
         "ExpiredToken Message: The provided token has expired.",
         f"its credentials have expired. {CREDENTIALS}"),
        ("AWS Error NETWORK_CONNECTION during HeadBucket operation: curlCode: 60, SSL peer "
         "certificate", "s3.amazonaws.com has a certificate that is not trusted here"),
        ("Bucket 'data' not found", "there is no bucket 'data'"),
        (f"AWS Error ODD: something {'new ' * 80} (Request ID: abc)",
         f"AWS Error ODD: something {'new ' * 80}"[:200].rstrip()),
    ],
)  # fmt: skip
def test_what_the_cloud_says_is_put_in_a_few_words(said, words):
    assert reason(OSError(said), Bucket("s3", "data")).rstrip() == words


def test_a_folder_that_is_not_there_or_cannot_be_written_is_refused(tmp_path):
    assert line(tried, str(tmp_path / "away")) == (
        f"{tmp_path}/away: there is no such folder. Make it, or mount its disk."
    )
    (tmp_path / "file").write_text("")
    assert line(tried, str(tmp_path / "file")) == (
        f"{tmp_path}/file: there is no such folder. Make it, or mount its disk."
    )
    assert line(tried, "/proc") == "/proc: cannot be written: No such file or directory."


def test_a_worker_finds_the_marker_or_says_which_machine_does_not(tmp_path, s3):
    here = platform.node()
    for store, way_out in (
        (SharedStore(tmp_path, RUN), "Mount it on every machine, or give another --storage."),
        (BucketStore(Bucket("s3", s3.bucket(), "", s3.url), RUN),
         "Give every machine a way to it and credentials, or give another --storage."),
    ):  # fmt: skip
        proven(store)
        worker = pickle.loads(pickle.dumps(store))
        require(worker)
        other = pickle.loads(pickle.dumps(store))
        other.mark()
        assert line(require, worker) == (
            f"{store.where}: {here} sees another place of that name. {way_out}"
        )
        store.remove_all()
        assert line(require, worker).startswith(f"{store.where}: {here} does not see it: ")
        assert line(require, worker).endswith(way_out)
    require(FolderStore(tmp_path))


def test_where_a_disk_is_gone_nothing_is_written_below_its_empty_mount_point(tmp_path):
    root = tmp_path / "mnt"
    root.mkdir()
    store = SharedStore(root, RUN)
    proven(store)
    saved = store.save("t1/a", 1, b"data")
    shutil.rmtree(root / RUN)  # as if unmounted
    said = f"{root}: {platform.node()} does not see it: cannot be read: No such file or directory. "
    said += "Mount it on every machine, or give another --storage."
    assert line(store.save, "t1/b", 1, b"data") == said
    assert line(store.load, saved) == said
    assert list(root.iterdir()) == []
    assert line(lambda: proven(store, begun=True)) == (
        f"{root}: nothing of run {RUN} is there. Mount its disk; to start its trials over: "
        f"mkdir {root}/{RUN}"
    )


def test_a_checkpoint_that_is_gone_from_a_disk_that_is_there_starts_only_its_trial_over(tmp_path):
    store = SharedStore(tmp_path, RUN)
    proven(store)
    saved = store.save("t1/a", 1, b"data")
    store.delete("t1/a")
    with pytest.raises(CheckpointError):
        store.load(saved)


def test_the_sweep_does_not_wait_for_what_is_deleted_and_all_of_it_is_at_the_end(folder, s3):
    name = s3.bucket()
    held = threading.Event()
    with opened(f"s3://{name}", folder) as store:
        assert isinstance(store, DeletingBehind)
        for number in range(6):
            store.save(f"t{number}/a", 1, b"data")
            store.save(f"t{number}/b", 1, b"data")
        inner = store._store
        clear = inner.clear

        def slow(*arguments):
            assert held.wait(60)
            clear(*arguments)

        inner.clear = slow
        for number in range(3):
            store.clear(f"t{number}", f"t{number}/b")
        store.delete("t3/a")
        assert store.read("t0/a") == b"data"
        held.set()
    left = {key.removeprefix(f"{folder.id}/") for key, size in s3.objects(name).items() if size}
    assert left == {".orch", "t0/b", "t1/b", "t2/b", "t3/b", "t4/a", "t4/b", "t5/a", "t5/b"}


def test_workers_get_the_store_itself(folder, s3):
    with opened(f"s3://{s3.bucket()}", folder) as store:
        worker = pickle.loads(pickle.dumps(store))
        assert isinstance(worker, BucketStore)
        require(worker)


def test_what_cannot_be_deleted_is_said_by_the_next_call_or_at_the_end(folder, tmp_path):
    root = tmp_path / "mnt"
    root.mkdir()
    said = (
        f"{root}: a checkpoint that is not needed any more cannot be deleted: Is a directory. "
        f"Free it later: orch clean {folder.id}"
    )

    def fail(at_the_end):
        with opened(str(root), folder) as store:
            (root / folder.id / "t1" / "a").mkdir(parents=True, exist_ok=True)
            store.delete("t1/a")
            if not at_the_end:
                store._threads.shutdown()
                store.delete("t1/b")

    assert line(fail, True) == said
    assert line(fail, False) == said
    assert [path.name for path in root.iterdir()] == [folder.id]
