"""A port of a host here: that it leads there, breaks, comes back, and ends with its owner."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from orchestrator.cluster import ssh
from orchestrator.cluster.errors import KeyRefusedError, UnreachableError
from orchestrator.cluster.file import Login
from orchestrator.cluster.ssh import Host
from orchestrator.cluster.tunnel import Away, Back, Tunnel
from tests import waiting


@pytest.fixture
def host(rig, login):
    return Host(rig.hosts[0].address, login, alive=1)


def first_words(port):
    """What the server at the other end says: it is sshd itself."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        return connection.recv(8)


until = partial(waiting.until, seconds=30, every=0.02)


def test_a_port_leads_to_the_loopback_of_a_host_while_the_block_lasts(host):
    with Tunnel(host, 22) as through:
        assert first_words(through.port) == b"SSH-2.0-"
        assert through.url == f"http://127.0.0.1:{through.port}"
    with pytest.raises(ConnectionRefusedError):
        first_words(through.port)


def test_a_pulled_cable_is_told_and_the_same_port_leads_there_again(rig, host):
    heard = []
    with Tunnel(host, 22, heard.append) as through:
        rig.hosts[0].stop_network()
        until(lambda: heard)
        rig.hosts[0].start_network()
        until(lambda: len(heard) > 1)
        assert first_words(through.port) == b"SSH-2.0-"
    away, back = heard
    assert away == Away(f"Timeout, server {host.address} not responding")
    assert isinstance(back, Back)
    assert 0 < back.seconds < 30


def test_an_ssh_that_is_killed_is_started_again(host):
    heard = []
    with Tunnel(host, 22, heard.append) as through:
        through._process.kill()
        until(lambda: len(heard) > 1)
        assert first_words(through.port) == b"SSH-2.0-"
    assert heard[0] == Away("the connection was lost")


def test_leaving_while_it_is_away_takes_no_time(rig, host):
    heard = []
    try:
        with Tunnel(host, 22, heard.append) as through:
            rig.hosts[0].stop_network()
            through._process.kill()
            until(lambda: heard)
            time.sleep(0.3)
            began = time.monotonic()
        assert time.monotonic() - began < 10
    finally:
        rig.hosts[0].start_network()
    assert len(heard) == 1


def test_nothing_is_left_of_a_tunnel_whose_owner_is_killed(rig, host):
    code = f"""
import time
from pathlib import Path
from orchestrator.cluster.file import Login
from orchestrator.cluster.ssh import Host
from orchestrator.cluster.tunnel import Tunnel
with Tunnel(Host({host.address!r}, Login({rig.user!r}, Path({str(rig.key)!r}))), 22) as through:
    print(through._process.pid, flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        process = Path("/proc", owner.stdout.readline().strip())
        assert "ssh" in (process / "cmdline").read_text()
        owner.send_signal(signal.SIGKILL)
    until(lambda: not process.exists() or "Z" in (process / "stat").read_text().split()[2])


def test_a_first_connection_that_fails_is_an_error(rig, login, tmp_path, monkeypatch):
    monkeypatch.setattr(ssh, "CONNECT_SECONDS", 1)
    address = rig.hosts[0].address.rpartition(".")[0] + ".99"
    with pytest.raises(UnreachableError, match=f"^{address}: cannot be reached: "):
        Tunnel(Host(address, login)).__enter__()
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    with pytest.raises(KeyRefusedError):
        Tunnel(Host(rig.hosts[0].address, Login(rig.user, other))).__enter__()
