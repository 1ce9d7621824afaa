"""The copy of a run that lives elsewhere: the same bytes, in time, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator import Continue, Sweep
from orchestrator.cluster import wanted
from orchestrator.cluster.fetching import BehindError
from orchestrator.cluster.link import ConnectionLost, FarError, waits
from orchestrator.cluster.mirror import Mirror
from orchestrator.engine.follow import Follower
from orchestrator.engine.inbox import Change, Inbox, StopRun, StopTrial, send
from orchestrator.engine.journal import Journal, read
from orchestrator.engine.records import (
    Checkpoint,
    Closed,
    EpochReported,
    Opened,
    TrialEnded,
    TrialPruned,
    TrialStarted,
    Verdict,
)
from orchestrator.names import compose
from orchestrator.runs.checkpoints import FolderStore
from orchestrator.runs.folder import RunBusyError, RunFolder
from orchestrator.runs.whereabouts import Whereabouts, read_whereabouts, write_whereabouts
from orchestrator.spec import spec_from
from searchspaces.errors import OrchError
from tests import waiting

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the far side needs a POSIX system")

CUT = """
import os, sys
out, into = int(sys.argv[1]), int(sys.argv[2])
write, read = os.write, os.read
def cut_write(file, data):
    global out
    if file < 3:
        return write(file, data)
    if len(data) >= out:
        write(file, data[:out])
        os._exit(255)
    out -= len(data)
    return write(file, data)
def cut_read(file, count):
    global into
    if file:
        return read(file, count)
    data = read(file, min(count, into))
    into -= len(data)
    if not into:
        os._exit(255)
    return data
os.write, os.read = cut_write, cut_read
from orchestrator.cluster.far import main
sys.exit(main(sys.argv[3:]))
"""
"""A far side that dies after so many bytes that it has said, or heard."""
PLENTY = 1 << 40


def far(runs: Path, *, out: int = PLENTY, into: int = PLENTY) -> list[str]:
    if out == into == PLENTY:
        return [sys.executable, "-m", "orchestrator.cluster.far", str(runs)]
    return [sys.executable, "-c", CUT, str(out), str(into), str(runs)]


def made(runs: Path, name: str = "gru-hyperband") -> RunFolder:
    return RunFolder.create(runs, spec_from(compose(name), {"trials": 6, "epochs": 9}), {})


def written(run: RunFolder, trials: int = 3, size: int = 3000) -> None:
    """What a sweep leaves: two segments, tables, checkpoints, trackers' folders, locks, letters."""
    store = FolderStore(run.checkpoints)
    with run.owned():
        for first in (0, trials):
            journal = Journal(run.journal, lambda record: None)
            journal.append(Opened(1.0, "elsewhere", 1, {}))
            for number in range(first, first + trials):
                checkpoint = store.save(f"{number}/1-9.safetensors", 9, os.urandom(size))
                journal.append(TrialStarted(number, {}, 7, 0, 9, 1.0))
                journal.append(
                    EpochReported(number, 1, 9, {"valid_loss": 0.5}, 0.1, "n1", 2.0,
                                  verdict=Verdict("stop"), checkpoint=checkpoint)
                )  # fmt: skip
            journal.close()
    for path, content in {
        "trials.parquet": os.urandom(2 * size),
        "epochs.parquet": b"",
        "about.yaml": b"tags: [far]\n",
        "tracking.log": b"told\n",
        "figures/best.png": os.urandom(size),
        "wandb/run-1/files/config.yaml": b"a: 1\n",
        "wandb/run-1/run-1.wandb": os.urandom(size),
        "tensorboard/events.out.tfevents.1": os.urandom(size),
        "inbox/.1.receipt": b"{}",
        "tracking.lock": b"",
        ".trials.parquet.77.part": b"half",
    }.items():
        (run.path / path).parent.mkdir(parents=True, exist_ok=True)
        (run.path / path).write_bytes(content)
    (run.path / "wandb/latest-run").symlink_to("run-1")


def content(folder: Path) -> dict[str, bytes]:
    """The files that a mirror brings, as the issue names them."""
    left_out = ("inbox", "owner.lock", "tracking.lock", "cluster.json", ".trials.parquet.77.part")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and "latest-run" not in path.parts
        and not path.relative_to(folder).as_posix().startswith(left_out)
    }


@pytest.fixture
def there(tmp_path):
    return tmp_path / "far" / "runs"


@pytest.fixture
def here(tmp_path):
    return tmp_path / "near" / "runs"


until = partial(waiting.until, seconds=10, every=0.01)


def test_a_run_comes_home_byte_for_byte(there, here):
    run = made(there)
    written(run)
    with Mirror(far(there), run.id, here / run.id) as mirror:
        home = mirror.finish()
    assert content(here / run.id) == content(run.path)
    assert home.files == len(content(run.path))
    assert home.size == sum(map(len, content(run.path).values()))
    assert not list((here / run.id).rglob("*.part"))
    assert [e.record for e in read(here / run.id / "journal")] == [
        e.record for e in read(run.journal)
    ]
    assert not RunFolder(here / run.id).is_owned()
    spec = (here / run.id / "spec.yaml").stat()
    assert spec.st_mtime_ns == (run.path / "spec.yaml").stat().st_mtime_ns


def test_every_record_of_a_sweep_that_runs_comes_in_order_within_a_second(there, here):
    late = []
    with Sweep("ask-asha", space={"depth": {"low": 1, "high": 99}}, trials=20, epochs=3).ask_tell(
        runs=there
    ) as study:
        ended = threading.Event()

        def work():
            while (trial := study.ask()) is not None:
                while isinstance(
                    study.tell(trial, {"valid_loss": 1 / trial.config["depth"]}), Continue
                ):
                    time.sleep(0.02)
            ended.set()

        writer = threading.Thread(target=work)
        follower, seen = Follower(here / study.run.id / "journal"), []
        with Mirror(far(there), study.run.id, here / study.run.id) as mirror:
            first = mirror.sync()
            assert first.exists
            assert first.alive
            assert first.free > 0
            list(follower.news())
            writer.start()
            while not ended.is_set() or mirror.sync(0.2).journal:
                news = mirror.sync(5.0)
                for entry in follower.news():
                    seen.append(entry)
                    late.append(time.time() - entry.record.at)
                assert news.alive
            writer.join()
            study.close()
            until(lambda: not mirror.sync(1.0).alive)
            mirror.finish()
    seen += follower.news()
    assert [entry.record for entry in seen] == [e.record for e in read(study.run.journal)][1:]
    assert statistics.median(late) < 1.0
    assert content(here / study.run.id) == content(study.run.path)
    assert (here / study.run.id / "trials.parquet").is_file()


def test_checkpoints_of_completed_trials_come_while_it_runs_and_large_others_at_the_end(
    there, here, monkeypatch
):
    monkeypatch.setattr(wanted, "MOST_SPARE", 1_000_000)
    run = made(there)
    store = FolderStore(run.checkpoints)
    journal = Journal(run.journal, lambda record: None)
    local = RunFolder(here / run.id)

    def reported(number, epoch, kind, **more):
        kept = store.save(f"{number}/1-{epoch}.safetensors", epoch, os.urandom(2_000_000))
        journal.append(
            EpochReported(number, 1, epoch, {}, 1.0, "n", 1.0, Verdict(kind), kept, **more)
        )

    reported(0, 3, "pause")
    reported(1, 3, "stop")  # pruned: an engine deletes it
    store.clear("1")
    reported(2, 9, "stop")
    reported(3, 2, "continue", finished="its patience ran out")
    kept = store.save("4/1-5.safetensors", 5, b"five")
    journal.append(TrialEnded(4, "completed", "ended", 1.0, checkpoint=kept))
    journal.append(TrialPruned(5, 1.0))
    found = []
    with Mirror(far(there), run.id, local.path) as mirror:
        while (news := mirror.sync()).more:
            found += news.files
        found += news.files
        assert [name for name in found if name.startswith("checkpoints")] == [
            "checkpoints/2/1-9.safetensors",
            "checkpoints/3/1-2.safetensors",
            "checkpoints/4/1-5.safetensors",
        ]
        assert not (local.checkpoints / "0").exists()
        store.clear("4")  # as orch clean does
        mirror.finish()
        assert sorted(path.name for path in local.checkpoints.iterdir()) == ["0", "2", "3"]
    journal.close()
    assert content(local.path) == content(run.path)


def test_the_newest_checkpoint_of_each_trial_that_goes_on_comes_and_no_other_stays(there, here):
    run = made(there)
    store = FolderStore(run.checkpoints)
    journal = Journal(run.journal, lambda record: None)
    local = RunFolder(here / run.id)

    def reported(number, epoch, kind=None):
        kept = store.save(f"{number}/1-{epoch}.safetensors", epoch, os.urandom(50_000))
        verdict = Verdict(kind) if kind else None
        journal.append(EpochReported(number, 1, epoch, {}, 1.0, "n", 1.0, verdict, kept))

    def those_here(mirror):
        for _ in range(8):
            mirror.sync()
        return sorted(path.relative_to(local.checkpoints).as_posix()
                      for path in local.checkpoints.rglob("*.*"))  # fmt: skip

    reported(0, 1)
    reported(1, 1)
    reported(2, 1)
    with Mirror(far(there), run.id, local.path) as mirror:
        assert those_here(mirror) == [f"{number}/1-1.safetensors" for number in range(3)]
        reported(0, 3, "pause")
        reported(1, 2)
        reported(2, 2, "stop")
        assert those_here(mirror) == ["0/1-3.safetensors", "1/1-2.safetensors"]
        journal.append(TrialPruned(0, 1.0))
        assert those_here(mirror) == ["1/1-2.safetensors"]
    journal.close()


def test_what_comes_of_trials_that_go_on_is_bounded_and_begins_with_those_that_wait(tmp_path):
    journal, now = Journal(tmp_path / "journal", lambda record: None), [0.0]
    wants = wanted.Wanted(tmp_path, clock=lambda: now[0])

    def reported(number, epoch, size, kind="continue"):
        kept = Checkpoint(f"{number}/1-{epoch}.safetensors", epoch, "0", size)
        journal.append(EpochReported(number, 1, epoch, {}, 1.0, "n", 1.0, Verdict(kind), kept))

    def lent():
        wants.read()
        return file.path.split("/")[1] if (file := wants.lent()) else None

    reported(0, 9, wanted.MOST_SPARE + 1)  # too large, for ever
    reported(1, 2, wanted.MOST_SPARE // 4)
    reported(2, 5, wanted.MOST_SPARE // 2)
    reported(3, 1, wanted.MOST_SPARE // 2, "pause")
    assert [lent(), lent(), lent()] == ["3", "2", None]
    now[0] += wanted.MOST_SPARE / 4 / wanted.SPARE_RATE
    assert [lent(), lent()] == ["1", None]
    reported(1, 3, 0)
    reported(1, 4, 0)
    assert [lent(), lent()] == ["1", None]
    assert wants.useless == ["checkpoints/1/1-2.safetensors"]
    journal.close()


def test_all_checkpoints_come_while_it_runs_where_that_is_asked_for(there, here):
    run = made(there)
    FolderStore(run.checkpoints).write("0/1-1.safetensors", b"paused")
    with Mirror(far(there), run.id, here / run.id, checkpoints="all") as mirror:
        mirror.sync()
    assert (here / run.id / "checkpoints/0/1-1.safetensors").read_bytes() == b"paused"


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=3))
@example([1, 9, 10, 11])
def test_wherever_the_connection_is_cut_nothing_is_lost_or_doubled(tmp_path_factory, cuts):
    folder = tmp_path_factory.mktemp("cut")
    run = made(folder / "far")
    written(run)
    local = folder / "near" / run.id
    for count in cuts:
        with Mirror(far(folder / "far", out=count), run.id, local) as mirror:
            with suppress(ConnectionLost):
                mirror.finish()
            # What is there is the beginning of what will be: a reader can follow it.
            list(Follower(local / "journal").news())
    with Mirror(far(folder / "far"), run.id, local) as mirror:
        mirror.finish()
    assert content(local) == content(run.path)


def test_a_large_file_goes_on_where_it_was_cut(there, here):
    run = made(there)
    (run.path / "trials.parquet").write_bytes(os.urandom(5_000_000))
    mirror = Mirror(far(there, out=4_000_000), run.id, here / run.id)
    with mirror, pytest.raises(ConnectionLost):
        mirror.finish()
    with Mirror(far(there, out=2_500_000), run.id, here / run.id) as mirror:
        mirror.finish()  # 5 MB did not go through so small a hole
    assert content(here / run.id) == content(run.path)


def test_a_far_side_that_is_killed_is_started_again_by_the_next_call(there, here):
    run = made(there)
    written(run)
    with Mirror(far(there), run.id, here / run.id) as mirror:
        mirror.sync()
        process = mirror._far.link._process
        process.send_signal(signal.SIGKILL)
        with pytest.raises(ConnectionLost, match=r"is lost: its process ended with -9\.$"):
            mirror.sync(5.0)
        assert RunFolder(here / run.id).is_owned()
        mirror.finish()
    assert content(here / run.id) == content(run.path)


CLIENT = """
import sys
from pathlib import Path
from orchestrator.cluster.mirror import Mirror
with Mirror(sys.argv[4:], sys.argv[1], Path(sys.argv[2])) as mirror:
    while not mirror.sync(0.5).files or sys.argv[3] == "on":
        print("synced", flush=True)
"""


def test_a_client_that_is_killed_goes_on_where_it_was(there, here):
    run = made(there)
    local = here / run.id
    journal = Journal(run.journal, lambda record: None)
    for number in range(2000):
        journal.append(TrialPruned(number, 1.0))
    for seconds in (0.0, 0.05, 0.1):
        client = subprocess.Popen(
            [sys.executable, "-c", CLIENT, run.id, str(local), "on", *far(there)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with client:
            until((local / "spec.yaml").exists)
            for number in range(500):
                journal.append(TrialPruned(number, 1.0))
            time.sleep(seconds)
            client.kill()
    journal.append(Closed(1.0, "finished"))
    journal.close()
    with Mirror(far(there), run.id, local) as mirror:
        mirror.finish()
    assert content(local) == content(run.path)
    assert len(list(read(local / "journal"))) == 3501


def test_the_far_side_ends_with_its_client(there, here):
    made(there)
    process = subprocess.Popen(far(there), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    with process:
        process.stdin.close()
        assert process.wait(60) == 0


def test_the_local_folder_is_owned_while_it_is_followed(there, here):
    run = made(there)
    written(run)
    local = RunFolder(here / run.id)
    with Mirror(far(there), run.id, local.path) as mirror:
        assert not mirror.sync().alive
        assert local.is_owned()
        with Mirror(far(there), run.id, local.path) as other, pytest.raises(RunBusyError):
            other.sync()
    assert not local.is_owned()


def test_a_far_run_is_alive_as_long_as_a_process_owns_it(there, here):
    run = made(there)
    with Mirror(far(there), run.id, here / run.id) as mirror:
        assert not mirror.sync().alive
        with run.owned():
            until(lambda: mirror.sync(0.5).alive)
        until(lambda: not mirror.sync(0.5).alive)


def test_a_run_that_is_not_there_yet_is_waited_for(there, here):
    there.mkdir(parents=True)
    with Mirror(far(there), "1122-gru-bohb-7f3a", here / "1122-gru-bohb-7f3a") as mirror:
        assert not mirror.sync().exists
        assert mirror.runs() == []
        assert not here.exists()
        run = made(there)
        run.path.rename(there / "1122-gru-bohb-7f3a")
        assert mirror.sync(5.0).exists
        assert mirror.runs() == ["1122-gru-bohb-7f3a"]
    mirror = Mirror(far(there), "1122-gru-bohb-0000", here / "x")
    with mirror, pytest.raises(FarError, match=r"^the cluster: there is no run 1122-.*-0000\.$"):
        mirror.finish()


def test_letters_are_carried_once_and_at_once(there, here):
    run = made(there)
    local = RunFolder(here / run.id)
    inbox, taken = Inbox(run.inbox), []
    with Mirror(far(there), run.id, local.path) as mirror:
        mirror.sync()
        threading.Timer(0.3, lambda: send(local.inbox, StopTrial(4))).start()
        began = time.monotonic()
        news = mirror.sync(20.0)
        assert time.monotonic() - began < 10
        assert len(news.letters) == 1
        assert not list(local.inbox.iterdir())
        taken += inbox.take()
        assert taken == [StopTrial(4)]
        assert taken[0].letter == news.letters[0]
        name = send(local.inbox, Change("set", {"concurrency": 3}))
        assert mirror.sync().letters == (name,)
        copied = (run.inbox / f"{name}.json").read_bytes()
        taken += inbox.take()
        # The answer was lost, and it is carried again: nobody gets it twice.
        (local.inbox / f"{name}.json").write_bytes(copied)
        assert mirror.sync().letters == (name,)
        assert list(inbox.take()) == []
    assert taken[1:] == [Change("set", {"concurrency": 3}, name)]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(60, 250), st.integers(60, 400), st.booleans())
def test_letters_arrive_exactly_once_wherever_the_connection_is_cut(
    tmp_path_factory, first, second, heard
):
    folder = tmp_path_factory.mktemp("letters")
    run = made(folder / "far")
    local, inbox, taken = RunFolder(folder / "near" / run.id), Inbox(run.inbox), []
    sent = [StopTrial(0), Change("enqueue", {"depth": 3}), StopTrial(1), StopRun("")]
    for command in sent:
        send(local.inbox, command)
    for count in (first, second):
        cut = {"into": count} if heard else {"out": count}
        mirror = Mirror(far(folder / "far", **cut), run.id, local.path)
        with mirror, suppress(ConnectionLost):
            mirror.sync()
        taken += inbox.take()
    with Mirror(far(folder / "far"), run.id, local.path) as mirror:
        mirror.sync()
    taken += inbox.take()
    assert [type(command) for command in taken] == [type(command) for command in sent]
    assert [getattr(command, "number", None) for command in taken] == [0, None, 1, None]
    assert not list(local.inbox.iterdir())


def test_a_segment_that_differs_is_told_in_one_line(there, here):
    run = made(there)
    written(run)
    local = here / run.id
    with Mirror(far(there), run.id, local) as mirror:
        mirror.finish()
    first = local / "journal/000001.log"
    damaged = first.read_bytes().replace(b"elsewhere", b"elsewhen!")
    first.write_bytes(damaged)
    line = (
        f"the cluster: journal/000001.log of run {run.id} is not what {local} has of it: one of "
        f"them was changed. Move that folder away and fetch the run again."
    )
    with Mirror(far(there), run.id, local) as mirror, pytest.raises(FarError) as caught:
        mirror.sync()
    assert str(caught.value) == line
    assert first.read_bytes() == damaged


def test_a_segment_that_shrank_is_told_in_one_line(there, here):
    run = made(there)
    written(run)
    with Mirror(far(there), run.id, here / run.id) as mirror:
        mirror.finish()
        path = run.journal / "000002.log"
        path.write_bytes(path.read_bytes()[:-5])
        with pytest.raises(
            FarError, match=r"^the cluster: journal/000002\.log of run .* was changed"
        ):
            mirror.sync(1.0)


def test_a_far_disk_that_has_lost_the_last_of_a_run_still_gives_its_checkpoints(there, here):
    run = made(there)
    written(run)
    local = here / run.id
    with Mirror(far(there), run.id, local) as mirror:
        mirror.finish()
    before = content(local)
    FolderStore(run.checkpoints).write("7/1-1.safetensors", b"paused")
    last = run.journal / "000002.log"
    last.write_bytes(last.read_bytes()[:-70])
    line = f"the cluster: the disk there has lost the last of run {run.id}; {local} has it."
    with Mirror(far(there), run.id, local) as mirror:
        with pytest.raises(BehindError) as caught:
            mirror.finish()
        assert str(caught.value) == line
        assert mirror.salvage() == ("checkpoints/7/1-1.safetensors",)
    last.unlink()
    with Mirror(far(there), run.id, local) as mirror, pytest.raises(BehindError):
        mirror.finish()
    assert content(local) == before | {"checkpoints/7/1-1.safetensors": b"paused"}


def test_damage_here_is_mended_at_the_end(there, here):
    run = made(there)
    written(run)
    local = here / run.id
    with Mirror(far(there), run.id, local) as mirror:
        mirror.finish()
        for name in ("checkpoints/0/1-9.safetensors", "wandb/run-1/run-1.wandb", "trials.parquet"):
            status = (local / name).stat()
            flipped = bytearray((local / name).read_bytes())
            flipped[100] ^= 1
            (local / name).write_bytes(flipped)
            os.utime(local / name, ns=(status.st_atime_ns, status.st_mtime_ns))
        (local / "figures/best.png").unlink()
        mirror.finish()
    assert content(local) == content(run.path)


def test_what_people_made_here_stays(there, here):
    run = made(there)
    written(run)
    local = here / run.id
    with Mirror(far(there), run.id, local) as mirror:
        mirror.sync()
        (local / "about.yaml").write_text("tags: [mine]\n")
        (local / "figures/best.png").write_bytes(b"mine")
        mirror.finish()
    assert (local / "about.yaml").read_text() == "tags: [mine]\n"
    assert (local / "figures/best.png").read_bytes() == b"mine"


HOSTILE = """
import sys
from orchestrator.cluster import shelf, wire
path = sys.argv[1]
shelf.live = shelf.everything = lambda run: [wire.File("spec.yaml", 2, 5), wire.File(path, 4, 5)]
def reading(run, request):
    data = b"{}" if request.path == "spec.yaml" else b"evil"
    yield wire.Bytes(len(data), 5, True, __import__("hashlib").sha256(data).hexdigest()), data
shelf.reading = reading
from orchestrator.cluster.far import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    "path",
    [
        "../evil", "../../evil", "/tmp/evil", "journal/../../evil", "checkpoints/../../../evil",
        "a//b", "./evil", "journal/\x1b[2J", "out/evil", "owner.lock", "cluster.json",
        "Cluster.JSON", "inbox/1.json", "link", "",
    ],
)  # fmt: skip
def test_a_hostile_far_side_writes_nothing_outside_the_folder(there, here, path, tmp_path):
    run = made(there)
    local = here / run.id
    local.mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    (local / "out").symlink_to(outside)
    (local / "link").symlink_to(outside / "evil")
    path = path.replace("/tmp/evil", str(outside / "evil"))
    argv = [sys.executable, "-c", HOSTILE, path, str(there)]
    with Mirror(argv, run.id, local) as mirror, pytest.raises(FarError) as caught:
        mirror.sync()
    assert str(caught.value) == (
        f"the cluster: offers {path!r}, which is no file of a run. Nothing of it was written."
    )
    assert not list(outside.iterdir())
    assert "evil" not in "".join(str(file) for file in tmp_path.rglob("*") if not file.is_symlink())


@pytest.mark.parametrize("path", ["../other/spec.yaml", "owner.lock", "out/secret", "secret"])
def test_a_client_reads_nothing_outside_the_runs(there, here, path, tmp_path):
    run = made(there)
    (tmp_path / "secret").write_text("s3cret")
    (run.path / "out").symlink_to(tmp_path)
    (run.path / "secret").symlink_to(tmp_path / "secret")
    from orchestrator.cluster import wire

    with Mirror(far(there), run.id, here / run.id) as mirror:
        mirror.sync()
        link = mirror._far.link
        link.ask(wire.Read(run.id, path, 0, 100))
        with pytest.raises(FarError):
            link.answer()
        for name in ("..", "../far", "", "a/b"):
            link.ask(wire.Look(name))
            with pytest.raises(FarError, match="is no run's id"):
                link.answer()
        assert mirror.finish().files == 1
    assert not (here / run.id / "secret").exists()


def test_what_a_login_shell_prints_before_does_no_harm(there, here):
    run = made(there)
    argv = ["sh", "-c", f"echo Welcome; echo '  to n1'; exec {' '.join(far(there))}"]
    with Mirror(argv, run.id, here / run.id) as mirror:
        assert mirror.finish().files == 1


@pytest.mark.parametrize(
    ("command", "kind", "line"),
    [
        ("echo 'ssh: connect to host n1 port 22: Connection refused' >&2; exit 255", ConnectionLost,
         "the connection to n1 is lost: ssh: connect to host n1 port 22: Connection refused."),
        ("exit 255", ConnectionLost, "the connection to n1 is lost: its process ended with 255."),
        ("echo 'python: No module named orchestrator' >&2; exit 1", FarError,
         "n1: the far side does not start: python: No module named orchestrator."),
        ("echo 'This account is not available.'; exit 1", FarError,
         "n1: the far side does not start: This account is not available."),
        ("yes | head -c 100000; sleep 1", FarError,
         "n1: a frame is too long. Is the same orch there?"),
        (r"printf '\000orch-far\000\000\000\000\067\000\000\000\000"
         r"""{"type":"hello","protocol":2,"host":"a","runs":"/runs"}'; sleep 1""", FarError,
         "n1: speaks version 2 of the mirror, this orch 1. Install the same orch on both."),
        ("sleep 5", ConnectionLost, "the connection to n1 is lost: no sign of life for 0.5 s."),
    ],
)  # fmt: skip
def test_whoever_does_not_answer_is_told_of_in_one_line(here, command, kind, line):
    mirror = Mirror(["sh", "-c", command], "1122-a-0000", here / "r", where="n1", patience=0.5)
    with mirror, pytest.raises(OrchError) as caught:
        mirror.sync()
    assert (type(caught.value), str(caught.value)) == (kind, line)


def test_the_far_side_answers_at_once_and_imports_nothing_heavy(there):
    code = (
        "import sys, orchestrator.cluster.far; "
        "print(*sorted({'ray', 'torch', 'polars', 'numpy', 'pydantic'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_attempts_to_connect_come_ever_more_seldom():
    found = waits()
    assert [next(found) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_where_a_run_lives_is_written_whole_and_read_again(tmp_path):
    assert read_whereabouts(tmp_path) is None
    where = Whereabouts(
        "10.0.0.1", "~/orch/runs/1122-gru-bohb-7f3a", job="raysubmit_x", cluster="cluster.yaml"
    )
    write_whereabouts(tmp_path, where)
    assert read_whereabouts(tmp_path) == where
    assert not list(tmp_path.glob("*.part"))
    (tmp_path / "cluster.json").write_text('{"address": 3}')
    with pytest.raises(OrchError) as caught:
        read_whereabouts(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'cluster.json'}: does not say where the run lives: Expected `str`, got `int`"
        f" - at `$.address`. Restore it, or delete it if the run is to live here."
    )
