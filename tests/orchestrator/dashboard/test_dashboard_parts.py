"""Parts of the dashboard that need no server: answers kept, tokens, processes, addresses."""

from __future__ import annotations

import asyncio
import platform
import socket

import pytest

from orchestrator.dashboard.desk import Desk
from orchestrator.dashboard.followed import Followed
from orchestrator.dashboard.room import Reply
from orchestrator.dashboard.server import bound, names
from orchestrator.dashboard.sources import Sources
from orchestrator.dashboard.tokens import token_of
from orchestrator.runs.folder import RunFolder
from searchspaces.errors import OrchError, UsageError


class Asked:
    """A second process that counts what it is asked, and says what each answer costs."""

    def __init__(self, cost: float = 0.0, takes: float = 0.0) -> None:
        self.cost, self.takes = cost, takes
        self.jobs: list[tuple[str, bool]] = []
        self.news = "first"
        self.error: OrchError | None = None

    async def __call__(self, job, version, *, urgent):
        self.jobs.append((job[-1], urgent))
        await asyncio.sleep(self.takes)
        if self.error:
            raise self.error
        same = version == self.news
        return Reply(self.news, None if same else self.news.encode()), self.cost


def seconds_of(desk_seconds: list[float]):
    return lambda: desk_seconds[0]


def played(story):
    asyncio.run(asyncio.wait_for(story, 20))


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_nothing_is_asked_while_no_page_asks_and_one_answer_serves_all():
    async def story():
        asked, now = Asked(takes=0.01), [0.0]
        desk = Desk(asked, seconds_of(now))
        answers = await asyncio.gather(*(desk.answer(("run", "a")) for _ in range(5)))
        assert {answer.body for answer in answers} == {b"first"}
        assert asked.jobs == [("a", True)]
        now[0] = 1000.0
        await asyncio.sleep(0.05)
        assert asked.jobs == [("a", True)]

    played(story())


def test_a_page_gets_the_answer_that_there_is_and_the_newer_one_next_time():
    async def story():
        asked, now = Asked(), [0.0]
        desk = Desk(asked, seconds_of(now))
        await desk.answer(("run", "a"))
        asked.news = "second"
        assert (await desk.answer(("run", "a"))).body == b"first"
        await settled()
        assert asked.jobs == [("a", True)]  # two seconds have not passed
        now[0] = 2.0
        assert (await desk.answer(("run", "a"))).body == b"first"
        await settled()
        assert (await desk.answer(("run", "a"))).tag == "second"
        assert asked.jobs == [("a", True), ("a", False)]

    played(story())


def test_who_has_the_answer_waits_for_the_next_one():
    async def story():
        asked, now = Asked(takes=0.01), [0.0]
        desk = Desk(asked, seconds_of(now))
        tag = (await desk.answer(("run", "a"))).tag
        asked.news, now[0] = "second", 2.0
        assert (await desk.answer(("run", "a"), tag)).tag == "second"
        assert (await desk.answer(("run", "a"), "second")).tag == "second"  # not yet due

    played(story())


def test_what_is_dear_is_asked_rarely_so_that_a_fifth_of_a_core_is_the_most():
    async def story():
        asked, now = Asked(cost=3.0), [0.0]

        async def pass_by(seconds):
            now[0] += seconds

        desk = Desk(asked, seconds_of(now), pass_by)
        for name in "ab":
            await desk.answer(("run", name))
        while now[0] < 600:
            now[0] += 2.0
            for name in "ab":
                await desk.answer(("run", name))
            await settled()
        calm = [name for name, urgent in asked.jobs if not urgent]
        assert 0.1 * now[0] < 3.0 * (len(calm) - 1) <= 0.2 * now[0]
        assert abs(calm.count("a") - calm.count("b")) <= 1

    played(story())


def test_an_error_is_told_and_the_next_page_asks_anew():
    async def story():
        asked, now = Asked(), [0.0]
        desk = Desk(asked, seconds_of(now))
        asked.error = OrchError("it died")
        with pytest.raises(OrchError, match="it died"):
            await desk.answer(("run", "a"))
        asked.error = None
        assert (await desk.answer(("run", "a"))).body == b"first"

    played(story())


def test_old_answers_are_let_go():
    async def story():
        asked = Asked()
        desk = Desk(asked, seconds_of([0.0]))
        for number in range(100):
            await desk.answer(("run", str(number)))
        assert len(desk._entries) <= 40

    played(story())


def test_a_token_file_is_made_for_its_owner_alone_and_read_again(tmp_path):
    file = tmp_path / "token"
    made = token_of(file, "", "X")
    assert file.stat().st_mode & 0o777 == 0o600
    assert made.text == file.read_text().strip()
    assert token_of(file, "from the variable, which counts less", "X") == made
    assert made.text not in repr(made)


@pytest.mark.parametrize(
    ("content", "mode", "line"),
    [("t" * 40, 0o644, "--token-file {file}: others can read it (mode 644). Run: chmod 600 {file}"),
     ("short", 0o600, "{file}: the token must be 20 or more letters, digits, '-', '_', '.' or '~'. "
                      "Make one: openssl rand -hex 32"),
     ("two words, but long enough for it", 0o600,
      "{file}: the token must be 20 or more letters, digits, '-', '_', '.' or '~'. "
      "Make one: openssl rand -hex 32")],
)  # fmt: skip
def test_a_token_that_others_know_is_refused_and_not_shown(tmp_path, content, mode, line):
    file = tmp_path / "token"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(UsageError) as caught:
        token_of(file, "", "X")
    assert str(caught.value) == line.format(file=file)
    assert content not in str(caught.value)


def test_a_token_may_be_in_the_environment():
    assert token_of(None, "e" * 32, "ORCH_DASHBOARD_TOKEN").text == "e" * 32
    with pytest.raises(UsageError, match=r"ORCH_DASHBOARD_TOKEN: the token must be 20"):
        token_of(None, "weak", "ORCH_DASHBOARD_TOKEN")


def test_a_follower_reads_what_is_new_and_writes_only_then(tmp_path, told):
    sweep = told(tmp_path)
    sweep.trials(1)
    followed = Followed(RunFolder(sweep.path), tmp_path / "shadow")
    followed.read_on()
    followed.write()
    table = tmp_path / "shadow" / "trials.parquet"
    before = table.stat().st_mtime_ns, table.stat().st_ino
    followed.read_on()
    followed.write()
    assert (table.stat().st_mtime_ns, table.stat().st_ino) == before
    sweep.trials(1)
    followed.read_on()
    followed.write()
    assert table.stat().st_ino != before[1]
    assert sorted(path.name for path in table.parent.iterdir()) == [
        "epochs.parquet", "spec.yaml", "trials.parquet",
    ]  # fmt: skip


def test_a_look_never_holds_the_lock_of_a_run(tmp_path, told, monkeypatch):
    sweep = told(tmp_path)
    sweep.trials(1)

    def taken(self):
        pytest.fail("a process that wants the run would find it busy")

    monkeypatch.setattr(RunFolder, "owned", taken)
    sources = Sources(tmp_path / "shadows")
    for _ in range(3):
        assert sources.look(RunFolder(sweep.path)).state == "running"


def test_a_run_that_is_over_is_not_followed_and_leaves_no_shadow(tmp_path, told):
    sweep = told(tmp_path / "runs", trials=2)
    sources = Sources(tmp_path / "shadows")
    run = RunFolder(sweep.path)
    sweep.trials(1)
    assert sources.look(run).folder.parent == tmp_path / "shadows"
    while not sweep.study.finished:
        sweep.trials(1)
    sweep.close()
    found = sources.look(run)
    assert (found.state, found.folder) == ("finished", sweep.path)
    assert list((tmp_path / "shadows").iterdir()) == []
    assert sources._followed == {}


def test_code_that_cannot_be_imported_leaves_the_tables_of_the_run(tmp_path, told):
    sweep = told(tmp_path)
    sweep.trials(3)
    sweep.study._flush(owned=True)
    spec = sweep.path / "spec.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("architecture: ask", "architecture: no_module:Net"), "utf-8")
    found = Sources(tmp_path / "shadows").look(RunFolder(sweep.path))
    assert (found.state, found.folder) == ("running", sweep.path)
    assert "no_module" in found.problem


def test_a_port_that_is_taken_is_an_error_or_another_one():
    with bound("127.0.0.1", 0, or_any=False) as first:
        port = first.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            bound("127.0.0.1", port, or_any=False)
        assert str(caught.value) == (
            f"port {port} is taken. Give another one, or 0 for any that is free: --port 0"
        )
        with bound("127.0.0.1", port, or_any=True) as second:
            assert second.getsockname()[1] != port


def test_an_address_of_another_machine_is_one_line():
    with pytest.raises(UsageError, match=r"^cannot listen on 192\.0\.2\.77, port 0: .* machine\.$"):
        bound("192.0.2.77", 0, or_any=True)


def test_a_server_is_called_by_the_names_of_this_machine_alone():
    assert names("127.0.0.1", 8777) == ["127.0.0.1:8777", "localhost:8777", "[::1]:8777",
                                        "127.0.0.1:8777"]  # fmt: skip
    assert "127.0.0.2:8777" in names("127.0.0.2", 8777)
    assert "127.0.0.1" in names("127.0.0.1", 80)
    everywhere = names("0.0.0.0", 8777)
    assert f"{platform.node()}:8777" in everywhere
    assert "0.0.0.0:8777" not in everywhere
    assert socket.gethostname() in {name.rpartition(":")[0] for name in everywhere}
