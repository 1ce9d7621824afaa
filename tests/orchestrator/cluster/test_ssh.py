"""Commands and files by ssh, and one line for each way in which that fails."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from pathlib import Path

import pytest

from orchestrator.cluster import ssh
from orchestrator.cluster.errors import (
    ClusterError,
    CommandFailedError,
    CommandMissingError,
    HostKeyError,
    KeyRefusedError,
    KeyUnusableError,
    UnreachableError,
)
from orchestrator.cluster.file import Login
from orchestrator.cluster.ssh import Host


@pytest.fixture
def host(rig, login):
    return Host(rig.hosts[0].address, login)


def test_words_arrive_as_they_were_given(host):
    words = ("a b", "it's", '"$HOME"', "line\nline", "*", "", "-x;true")
    done = host.run("printf", "%s\\0", *words)
    assert done.stdout.decode().split("\0")[:-1] == list(words)


def test_the_exit_code_and_both_outputs_are_the_commands_own(host):
    done = host.run("sh", "-c", "cat; echo wrong >&2; exit 3", input=b"\x00\xffin")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"\x00\xffin", b"wrong\n")


def test_one_connection_serves_many_commands(host):
    ports = {host.run("sh", "-c", 'echo "$SSH_CONNECTION"').stdout for _ in range(3)}
    assert len(ports) == 1


def test_a_host_is_reached_through_another(host, rig, login):
    login = dataclasses.replace(login, proxy=host.jump)
    done = Host(rig.hosts[1].address, login).run("sh", "-c", 'echo "$SSH_CLIENT"; hostname')
    client, name = done.stdout.decode().splitlines()
    assert (client.split()[0], name) == (host.address, "host-2")


def test_a_host_that_nobody_knows_is_remembered_in_the_cache_folder(rig, host):
    ssh.known_hosts().unlink(missing_ok=True)
    host.hang_up()
    host.run("true")
    command = ["ssh-keygen", "-F", host.address, "-f", str(ssh.known_hosts())]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert ssh.known_hosts().is_relative_to(rig.folder)


def test_a_file_arrives_whole_with_its_mode_in_folders_that_were_not_there(host, tmp_path):
    local = tmp_path / "here"
    local.write_bytes(bytes(range(256)) * 4000)
    host.copy_to(local, "~/not there/it's", 0o600)
    done = host.run("sh", "-c", """stat -c %a ~/"not there/it's"; cat ~/"not there/it's" """)
    mode, content = done.stdout.split(b"\n", 1)
    assert mode == b"600"
    assert content == local.read_bytes()
    assert host.run("sh", "-c", "ls -A ~/'not there'").stdout == b"it's\n"


def test_a_file_that_breaks_off_leaves_the_old_one(host):
    host.put(b"old", "/tmp/state", 0o644)
    with pytest.raises(CommandFailedError) as error:
        host._place(b"new", 5, "/tmp/state", 0o644, 10)
    assert str(error.value) == (
        f"{host.address}: /tmp/state cannot be written there: 3 of 5 bytes came."
    )
    assert host.run("sh", "-c", "ls /tmp/state*; cat /tmp/state").stdout == b"/tmp/state\nold"


def test_a_file_that_cannot_be_written_says_so(host):
    with pytest.raises(CommandFailedError, match=r"cannot be written there: .*Read-only file"):
        host.put(b"", "/usr/orch/x", 0o644)


def test_a_program_that_is_not_there_is_named(host):
    with pytest.raises(CommandMissingError) as error:
        host.run("sh", "-c", "echo first; nosuch-program --here")
    assert str(error.value) == (
        f"{host.address}: there is no nosuch-program. Install nosuch-program."
    )


def test_a_host_that_is_not_there_is_told_in_one_line(rig, login, monkeypatch):
    monkeypatch.setattr(ssh, "CONNECT_SECONDS", 1)
    address = rig.hosts[0].address.rpartition(".")[0] + ".99"
    with pytest.raises(UnreachableError) as error:
        Host(address, login).run("true")
    assert str(error.value) == (
        f"{address}: cannot be reached: Connection timed out. Is the address right, and does "
        "sshd run there?"
    )


def test_a_name_that_means_nothing_is_told_in_one_line(login):
    with pytest.raises(UnreachableError, match=r"^nosuch\.invalid: cannot be reached: \w") as error:
        Host("nosuch.invalid", login).run("true")
    assert "resolve" not in error.value.reason or "\n" not in str(error.value)


def test_a_machine_without_sshd_is_told_in_one_line(login):
    address = "127.0.0.1"
    with pytest.raises(UnreachableError) as error:
        Host(address, Login("nobody", None, "sh -c 'exit 1'")).run("true")
    assert str(error.value).startswith(f"{address}: cannot be reached: ")
    assert "\n" not in str(error.value)


def test_a_key_that_is_not_known_there_names_the_way_in(host, rig, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    with pytest.raises(KeyRefusedError) as error:
        Host(host.address, Login(rig.user, other)).run("true")
    assert str(error.value) == (
        f"{host.address}: refuses {rig.user} with the key {other}. "
        f"Run: ssh-copy-id -i {other}.pub {rig.user}@{host.address}"
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda key: key.chmod(0o644), "bad permissions"),
        (lambda key: key.write_text("nonsense\n"), "error in libcrypto"),
        (lambda key: key.unlink(), "No such file or directory"),
    ],
)
def test_a_key_that_ssh_does_not_take_is_named(host, rig, tmp_path, spoil, reason):
    key = tmp_path / "key"
    key.write_bytes(rig.key.read_bytes())
    key.chmod(0o600)
    spoil(key)
    with pytest.raises(KeyUnusableError) as error:
        Host(host.address, Login(rig.user, key)).run("true")
    assert str(error.value) == f"{key}: ssh does not use this key: {reason}."


def test_another_host_at_a_known_address_is_refused_until_it_is_forgotten(host, rig, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    kind, key, _ = Path(f"{other}.pub").read_text().split(maxsplit=2)
    ssh.known_hosts().write_text(f"{host.address} {kind} {key}\n")
    host.hang_up()
    with pytest.raises(HostKeyError) as error:
        host.run("true")
    file = ssh.known_hosts()
    assert str(error.value) == (
        f"{host.address}: shows another host key than before, so nothing was sent. If it was set "
        f"up anew, run: ssh-keygen -R {host.address} -f {file}"
    )
    ssh.forget(host.address)
    assert host.run("true").returncode == 0


def test_a_command_that_takes_too_long_ends(host):
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"no answer in 0\.5 s"):
        host.run("sleep", "60", timeout=0.5)
    assert time.monotonic() - began < 10
    assert host.run("true").returncode == 0


def test_a_connection_that_breaks_is_an_error_and_no_exit_code(rig, login, monkeypatch):
    monkeypatch.setattr(ssh, "CONNECT_SECONDS", 1)
    built = rig.hosts[1]
    host = Host(built.address, login, alive=1)
    host.run("true")
    built.stop_network()
    try:
        with pytest.raises(ClusterError, match="cannot be reached"):
            host.run("true", timeout=20)
    finally:
        built.start_network()
    assert host.run("true").returncode == 0
