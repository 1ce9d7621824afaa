"""Hosts of a module's tests."""

from __future__ import annotations

import os

import pytest

from orchestrator.cluster import ssh
from orchestrator.cluster.file import Login
from tests.orchestrator.cluster.hosts import building, can_build


@pytest.fixture(autouse=True)
def _environment():
    """What a test puts into the environment, as a job on a head does, ends with it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """Two hosts, and an environment that keeps programs off the person's own files."""
    if reason := can_build():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("hosts")
    with building(2, folder) as built, pytest.MonkeyPatch.context() as patch:
        for variable, value in built.environment.items():
            patch.setenv(variable, value)
        yield built
        ssh.hang_up_all()


@pytest.fixture(scope="module")
def login(rig):
    return Login(rig.user, rig.key)
