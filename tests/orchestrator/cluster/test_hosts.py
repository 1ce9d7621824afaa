"""The hosts that other tests stand on are hosts: apart, connected, and gone without a trace."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.cluster.errors import KeyRefusedError
from orchestrator.cluster.file import Login
from orchestrator.cluster.ssh import Host
from tests.orchestrator.cluster import hosts
from tests.orchestrator.cluster.hosts import building


@pytest.fixture
def first(rig, login):
    return Host(rig.hosts[0].address, login)


@pytest.fixture
def second(rig, login):
    return Host(rig.hosts[1].address, login)


def said(host, script):
    done = host.run("sh", "-c", script)
    return done.stdout.decode().strip()


def test_each_host_has_a_name_processes_and_an_address_of_its_own(rig, first, second):
    assert said(first, "hostname") == "host-1"
    assert said(second, "hostname") == "host-2"
    assert said(first, "cat /proc/1/cmdline | tr '\\0' ' '").endswith("inside_host.py")
    addresses = said(first, "cat /proc/net/fib_trie")
    assert rig.hosts[0].address in addresses
    assert rig.hosts[1].address not in addresses


def test_hosts_reach_one_another_by_name_and_number(rig, first):
    for name in ("host-2", rig.hosts[1].address):
        script = f"exec 3<>/dev/tcp/{name}/22; head -c 8 <&3"
        assert first.run("bash", "-c", script).stdout == b"SSH-2.0-"


def test_no_folder_is_shared_by_hosts_or_with_this_machine(rig, first, second):
    here = rig.folder / "mark"
    here.touch()
    for folder in ("/tmp", "/dev/shm", "/var/tmp", "$HOME"):
        first.run("sh", "-c", f"touch {folder}/mark")
        assert "mark" in said(first, f"ls {folder}").split()
        assert "mark" not in said(second, f"ls {folder}").split()
        assert not Path(os.path.expandvars(folder), "mark").exists()
    assert first.run("test", "-e", str(here)).returncode == 1
    assert said(first, f"ls -A {hosts.ROOT}").split() in ([".venv"], [])


def test_the_rest_of_the_disk_cannot_be_written_there(first):
    done = first.run("touch", "/etc/mark", "/usr/mark")
    assert done.stderr.count(b"Read-only file system") == 2


def test_python_and_its_packages_are_there_and_this_package_is_not(first):
    done = first.run(sys.executable, "-c", "import ray, sys; print(ray.__version__)")
    assert done.returncode == 0
    done = first.run(sys.executable, "-c", "import orchestrator")
    assert b"No module named 'orchestrator'" in done.stderr


def test_only_the_rigs_own_key_opens_a_host(rig, tmp_path):
    other = tmp_path / "other"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)]
    subprocess.run(command, check=True)
    with pytest.raises(KeyRefusedError):
        Host(rig.hosts[0].address, Login(rig.user, other)).run("true")


def test_a_pulled_cable_stops_everything_until_it_is_put_in_again(rig):
    host = rig.hosts[1]
    with socket.create_connection((host.address, 22), timeout=5) as connection:
        connection.settimeout(0.3)
        assert connection.recv(8) == b"SSH-2.0-"
        connection.recv(100)
        host.stop_network()
        connection.sendall(b"SSH-2.0-test\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        host.start_network()
        connection.settimeout(10)
        assert connection.recv(1)


def test_a_killed_host_is_gone_at_once_and_says_nothing(tmp_path):
    if reason := hosts.can_build():
        pytest.skip(reason)
    with building(2, tmp_path) as rig:
        killed, other = rig.hosts
        with socket.create_connection((killed.address, 22), timeout=5) as connection:
            connection.recv(100)
            killed.kill()
            assert not killed.alive
            assert killed.processes() == []
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):  # an end would be b"" or an error
                connection.recv(1)
        assert other.alive
        with socket.create_connection((other.address, 22), timeout=5) as connection:
            assert connection.recv(8) == b"SSH-2.0-"


def test_nothing_is_left_of_hosts_whose_builder_is_killed(tmp_path):
    if reason := hosts.can_build():
        pytest.skip(reason)
    code = f"""
import time
from pathlib import Path
from tests.orchestrator.cluster.hosts import building
with building(2, Path({str(tmp_path)!r})) as rig:
    print(*(host.pid for host in rig.hosts), rig.hosts[0].address, flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=hosts.ROOT) as builder:
        *pids, address = builder.stdout.readline().split()
        slot = address.split(".")[2]
        traces = [Path("/proc", pid) for pid in pids] + [Path(f"/sys/class/net/orch{slot}")]
        assert all(trace.exists() for trace in traces)
        builder.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while any(trace.exists() for trace in traces):
        assert time.monotonic() < until, "something is left"
        time.sleep(0.02)


def test_what_is_missing_is_said_with_the_package_that_has_it(monkeypatch, tmp_path):
    if os.geteuid() != 0:
        assert hosts.can_build() == "hosts need root"
        return
    monkeypatch.setattr(hosts, "SEARCHED", str(tmp_path))
    assert hosts.can_build() == "hosts need ip: apt-get install iproute2"
