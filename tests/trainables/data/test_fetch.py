"""Fetching: whole and checked, or not at all."""

from __future__ import annotations

import http.server
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from searchspaces.errors import ConfigurationError, UsageError
from trainables.data import DamagedDataError, DownloadError
from trainables.data.catalog import status_of
from trainables.data.fetching import fetch_source
from trainables.data.load import sweep_data
from trainables.data.sources.digits import Digits

TRAIN, TEST = "Train_Arabic_Digit.txt", "Test_Arabic_Digit.txt"


@pytest.fixture
def archive(tmp_path, little_files):
    """A zip of the small files, as UCI packs them: with a page beside them."""
    path = tmp_path / "spoken arabic.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("documentation.html", "<html></html>")
        for name in (TRAIN, TEST):
            made.write(little_files / name, name)
    return path


@pytest.fixture
def serve():
    """A function that serves content under a URL: the whole, the first half, or slowly."""
    servers = []

    def start(content, *, status=200, sent=None, pause=0.0):
        requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                requests.append(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                body = content[: len(content) if sent is None else sent]
                for begin in range(0, len(body), 4096):
                    try:
                        self.wfile.write(body[begin : begin + 4096])
                    except OSError:
                        return
                    time.sleep(pause)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/static/spoken+arabic.zip", requests

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def leftovers(folder):
    return [path for path in folder.rglob("*") if ".fetch-" in path.name or path.suffix == ".tmp"]


def test_a_download_is_unpacked_checked_parsed_and_not_repeated(
    tmp_path, little_files, make_source, archive, serve, capfd
):
    url, requests = serve(archive.read_bytes())
    source = make_source(little_files, url=url)
    folder = tmp_path / "data"
    fetched = fetch_source(source, folder)
    assert (fetched.outcome, fetched.origin, fetched.series) == ("fetched", url, (120, 40))
    assert fetched.bytes == sum(file.stat().st_size for file in little_files.iterdir())
    for name in (TRAIN, TEST):
        assert (folder / "little" / name).read_bytes() == (little_files / name).read_bytes()
    assert visible(folder / "little") == [TEST, TRAIN, "parsed"]
    assert leftovers(folder) == []
    assert fetch_source(source, folder).outcome == "present"
    assert requests == ["/static/spoken+arabic.zip"]
    assert capfd.readouterr() == ("", "")  # neither a bar nor a log line unless asked


def test_files_with_an_address_of_their_own_are_downloaded_one_by_one(
    tmp_path, little_files, little, serve, monkeypatch
):
    served = {name: serve((little_files / name).read_bytes()) for name in (TRAIN, TEST)}
    files = tuple(replace(file, url=served[file.name][0]) for file in little.files)
    monkeypatch.setattr(type(little), "files", files)
    fetched = fetch_source(little, tmp_path / "data")
    assert (fetched.outcome, fetched.series) == ("fetched", (120, 40))
    assert fetched.origin == served[TRAIN][0]
    assert [len(requests) for _, requests in served.values()] == [1, 1]


def test_progress_is_drawn_on_standard_error(
    tmp_path, little_files, make_source, archive, serve, capfd
):
    url, _ = serve(archive.read_bytes())
    fetch_source(make_source(little_files, url=url), tmp_path / "data", progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "100%" in err


@pytest.mark.parametrize("given", ["zip", "folder", "folder of zip", "file", "relative"])
def test_files_at_hand_are_taken_without_a_network(
    tmp_path, little_files, little, archive, given, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = {
        "zip": archive,
        "folder": little_files,
        "folder of zip": archive.parent,
        "file": little_files / TEST,
        "relative": Path("published"),
    }[given]
    fetched = fetch_source(little, tmp_path / "data", given=path)
    assert fetched.outcome == "fetched"
    assert (tmp_path / "data" / "little" / TRAIN).read_bytes() == (
        little_files / TRAIN
    ).read_bytes()
    assert status_of(little, tmp_path / "data") == "present"


def test_what_was_given_stays_as_it_was(tmp_path, little_files, little):
    before = {file.name: file.stat() for file in little_files.iterdir()}
    fetch_source(little, tmp_path / "data", given=little_files)
    after = {file.name: file.stat() for file in little_files.iterdir()}
    assert {n: (s.st_ino, s.st_mtime_ns) for n, s in before.items()} == {
        n: (s.st_ino, s.st_mtime_ns) for n, s in after.items()
    }


def test_a_damaged_file_is_named_by_block_and_line_and_nothing_is_left(
    tmp_path, little_files, little
):
    lines = (little_files / TRAIN).read_text().split("\n")
    lines[1] = lines[1].rsplit(" ", 1)[0]
    (little_files / TRAIN).write_text("\n".join(lines))
    with pytest.raises(DamagedDataError) as caught:
        fetch_source(little, tmp_path / "data", given=little_files)
    assert str(caught.value) == (
        f"{little_files / TRAIN}:2: block 1 has a line of 12 columns, not 13. "
        "Give it as its source publishes it."
    )
    assert visible(tmp_path / "data" / "little") == []
    assert leftovers(tmp_path / "data") == []


def test_an_empty_file_is_named(tmp_path, little_files, little):
    (little_files / TEST).write_text("")
    with pytest.raises(DamagedDataError, match=r"Test_Arabic_Digit\.txt: is empty; 40 blocks"):
        fetch_source(little, tmp_path / "data", given=little_files)
    assert status_of(little, tmp_path / "data") == "fetchable"


def test_a_changed_number_in_a_zip_is_found_by_its_checksum(
    tmp_path, little_files, little, archive
):
    text = (little_files / TRAIN).read_text()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr(TRAIN, text.replace("1", "2", 1))
        made.write(little_files / TEST, TEST)
    with pytest.raises(DamagedDataError) as caught:
        fetch_source(little, tmp_path / "data", given=archive)
    assert str(caught.value).startswith(f"{archive}/{TRAIN}: the file is not as published: sha256 ")


def test_a_bad_file_never_replaces_a_good_one(tmp_path, little_files, little):
    folder = tmp_path / "data"
    fetch_source(little, folder, given=little_files)
    good = (folder / "little" / TRAIN).read_bytes()
    (little_files / TRAIN).write_text("1 2 3")
    with pytest.raises(DamagedDataError):
        fetch_source(little, folder, given=little_files)
    assert (folder / "little" / TRAIN).read_bytes() == good


def test_damaged_data_are_fetched_again(tmp_path, little_files, make_source, archive, serve):
    url, requests = serve(archive.read_bytes())
    source, folder = make_source(little_files, url=url), tmp_path / "data"
    fetch_source(source, folder)
    (folder / "little" / TRAIN).write_text("1 2 3")
    with pytest.raises(DamagedDataError, match=r"Run: orch data fetch little$"):
        sweep_data(source, folder, seed=0)
    assert fetch_source(source, folder).outcome == "fetched"
    assert len(requests) == 2
    assert len(sweep_data(source, folder, seed=0).train) == 100


def test_a_server_that_refuses_or_breaks_off_is_told_in_a_line(
    tmp_path, little_files, make_source, archive, serve
):
    content = archive.read_bytes()
    cases = {
        serve(content, status=404)[0]: "the server answered 404",
        serve(content, sent=len(content) // 2)[0]: "the connection broke half-way",
        "http://127.0.0.1:9/spoken.zip": "no connection",
    }
    for url, reason in cases.items():
        with pytest.raises(DownloadError) as caught:
            fetch_source(make_source(little_files, url=url), tmp_path / "data")
        assert str(caught.value) == (
            f"cannot download {url}: {reason}. Get the file by other means and run: "
            "orch data fetch little --from FILE"
        )
        assert caught.value.exit_code == 1
        assert visible(tmp_path / "data" / "little") == []
        assert leftovers(tmp_path / "data") == []


def test_a_server_that_sends_a_page_instead_of_the_zip_is_refused(
    tmp_path, little_files, make_source, serve
):
    url, _ = serve(b"<html>please log in</html>")
    with pytest.raises(DamagedDataError, match=r"is no zip that holds Train_Arabic_Digit\.txt"):
        fetch_source(make_source(little_files, url=url), tmp_path / "data")


HANG = """
def hang(*args):
    print("here", flush=True)
    time.sleep(60)
"""
MOMENTS = {
    "while it downloads": "",  # the server is slow, see below
    "before it checks": "fetching.check_file = hang",
    "between two renames": """
rename = Path.replace
def once(path, target):
    Path.replace = hang
    return rename(path, target)
Path.replace = once
""",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_fetch_that_is_killed_leaves_nothing_that_counts_as_present(
    tmp_path, little_files, make_source, archive, serve, moment
):
    folder = tmp_path / "data"
    downloads = moment == "while it downloads"
    url, _ = serve(archive.read_bytes(), pause=5.0 if downloads else 0.0)
    script = f"""
import sys, time
from pathlib import Path
import trainables.data.fetching as fetching
from trainables.data.sources.spoken_arabic_digits import SpokenArabicDigits
{HANG}
class Little(SpokenArabicDigits):
    name = "little"
    url = {url!r}
    files = {make_source(little_files).files!r}
    speakers = {{"train": 6, "test": 2}}
    utterances = 2
{MOMENTS[moment]}
fetching.fetch_source(Little(), Path({str(folder)!r}))
"""
    script = "from trainables.data import DataFile\n" + script
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        try:
            if downloads:
                deadline = time.monotonic() + 180
                while not list(folder.glob("little/.fetch-*/download/*")):
                    assert child.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
            else:
                assert child.stdout.readline() == b"here\n"
        finally:
            child.send_signal(signal.SIGKILL)
    source = make_source(little_files, url=serve(archive.read_bytes())[0])
    assert leftovers(folder) != []
    assert status_of(source, folder) == "fetchable"
    for file in source.files:  # what has its name is whole
        path = folder / "little" / file.name
        assert not path.exists() or path.read_bytes() == (little_files / file.name).read_bytes()
    assert fetch_source(source, folder).outcome == "fetched"
    assert leftovers(folder) == []
    assert status_of(source, folder) == "present"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere", r"^no such file or folder: .*nowhere$"),
        ("empty", r"empty has no Train_Arabic_Digit\.txt\. Give a folder with Train_.* and Test_"),
        ("notes.txt", r"notes\.txt: is no zip that holds Train_Arabic_Digit\.txt\. Give it as"),
    ],
)
def test_a_wrong_path_is_a_usage_error(tmp_path, little, given, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError, match=message):
        fetch_source(little, tmp_path / "data", given=tmp_path / given)


def test_a_data_set_without_an_address_asks_for_the_file(tmp_path, little):
    with pytest.raises(UsageError) as caught:
        fetch_source(little, tmp_path / "data")
    assert str(caught.value) == (
        "'little' has no address to download from. Run: orch data fetch little --from FILE"
    )


def test_a_folder_that_cannot_be_written_is_named(tmp_path, little, little_files):
    (tmp_path / "data").write_text("a file in the way")
    with pytest.raises(ConfigurationError, match=r"Set ORCH_DATA to a folder of yours\.$"):
        fetch_source(little, tmp_path / "data", given=little_files)


def test_a_file_larger_than_declared_is_refused(tmp_path, little_files, make_source, archive):
    source = make_source(little_files, max_bytes=100)
    for given in (little_files, archive):
        with pytest.raises(DamagedDataError, match=r"is larger than 100 bytes\. Give it as"):
            fetch_source(source, tmp_path / "data", given=given)
    assert leftovers(tmp_path / "data") == []


def test_an_embedded_data_set_needs_no_fetch(tmp_path):
    fetched = fetch_source(Digits(), tmp_path / "data")
    assert (fetched.outcome, fetched.bytes, fetched.series) == ("embedded", 0, (1438, 359))
