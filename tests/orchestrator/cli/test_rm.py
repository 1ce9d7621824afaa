"""``orch rm``: runs go for good, and never by mistake."""

from __future__ import annotations

import json
import sys

import pexpect
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from orchestrator.cli.main import cli
from orchestrator.runs.folder import all_runs
from orchestrator.runs.whereabouts import Whereabouts, write_whereabouts


@pytest.fixture
def two(make_run):
    return [make_run("gru-random", trials=1) for _ in range(2)]


def ids(run):
    return {one.id for one in all_runs(run.path.parent)}


def test_runs_are_deleted_and_what_they_took_is_said(two, make_run):
    stays = make_run("gru-random", trials=1)
    (two[0].path / "big").write_bytes(bytes(2_500_000))
    done = CliRunner().invoke(cli, ["rm", "--yes", *(run.suffix for run in two)])
    assert (done.exit_code, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == f"deleted {two[0].id}, 2.5 MB"
    assert second.startswith(f"deleted {two[1].id}, ")
    assert second.endswith(" kB")
    assert ids(stays) == {stays.id}
    assert [path.name for path in stays.path.parent.iterdir()] == [stays.id]


def test_without_a_terminal_nothing_is_deleted_unless_you_say_so(two):
    done = CliRunner().invoke(cli, ["rm", *(run.suffix for run in two)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "error: orch rm deletes 2 runs for good, and there is nobody to ask here. Give --yes.\n"
    )
    assert len(ids(two[0])) == 2


def test_if_one_is_running_or_unknown_none_is_deleted(two):
    with two[1].owned():
        done = CliRunner().invoke(cli, ["rm", "--yes", *(run.suffix for run in two)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: run {two[1].id} is running in another process.")
    done = CliRunner().invoke(cli, ["rm", "--yes", two[0].suffix, "nope"])
    assert done.exit_code == 2
    assert len(ids(two[0])) == 2


def test_a_copy_of_a_run_that_lives_on_a_cluster_stays_and_says_where_the_other_is(two):
    where = Whereabouts("10.0.0.1", "/root/orch/runs/1", name="lab")
    write_whereabouts(two[0].path, where)
    done = CliRunner().invoke(cli, ["rm", "--yes", two[0].suffix])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: run {two[0].id} lives on cluster lab. Follow it and fetch it: orch attach "
        f"{two[0].suffix}\n"
    )
    write_whereabouts(two[0].path, replace(where, home=True))
    done = CliRunner().invoke(cli, ["rm", "--yes", two[0].suffix])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1] == (
        "       what cluster lab has of it stays: 10.0.0.1:/root/orch/runs/1"
    )
    assert ids(two[1]) == {two[1].id}


def test_a_run_named_twice_is_deleted_once_and_json_says_the_bytes(two):
    done = CliRunner().invoke(cli, ["rm", "--yes", "--json", two[0].suffix, two[0].id])
    [row] = json.loads(done.stdout)
    assert row["run"] == two[0].id
    assert row["bytes"] > 1000
    assert ids(two[1]) == {two[1].id}


def test_a_run_is_named_there_is_no_default(two):
    done = CliRunner().invoke(cli, ["rm", "--yes"])
    assert done.exit_code == 2
    assert len(ids(two[0])) == 2


def test_a_damaged_run_can_be_deleted(two):
    (two[0].path / "spec.yaml").write_text("[")
    (two[0].journal / "000001.log").write_text("no journal")
    done = CliRunner().invoke(cli, ["rm", "--yes", two[0].suffix])
    assert done.exit_code == 0
    assert ids(two[1]) == {two[1].id}


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("", 2), ("y", 1)])
def test_on_a_terminal_you_are_asked(two, answer, left):
    child = pexpect.spawn(
        sys.executable, ["-m", "orchestrator", "rm", two[0].suffix], encoding="utf-8", timeout=30
    )
    child.expect_exact("Delete 1 run for good? [y/N]: ")
    assert child.before.split()[0] == two[0].id
    child.sendline(answer)
    child.expect_exact("deleted " if left == 1 else "nothing was deleted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert len(ids(two[0])) == left
