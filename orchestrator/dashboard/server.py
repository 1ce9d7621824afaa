"""The first process: a socket, and whoever answers on it until it is told to end."""

from __future__ import annotations

import asyncio
import errno
import logging
import platform
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import uvicorn
from starlette.types import ASGIApp

from searchspaces.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANY = ("0.0.0.0", "::")  # noqa: S104  # addresses to be recognised, not bound to
_LAST_WORDS = 1  # seconds for requests under way when the server ends


def bound(host: str, port: int, *, or_any: bool) -> socket.socket:
    """A listening socket.

    Args:
        host: name or address to listen on.
        port: to listen on; 0 for a free one.
        or_any: take a free port where this one is taken.

    Raises:
        UsageError: the port is taken, or the address is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host}: no such address. Give one of this machine.") from error
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen()
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE and or_any:
            return bound(host, 0, or_any=False)
        raise UsageError(_refused(host, port, error)) from error
    found.set_inheritable(False)
    return found


def _refused(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken. Give another one, or 0 for any that is free: --port 0"
    if error.errno == errno.EACCES:
        return f"port {port} is not for everybody. Give one above 1023: --port 8777"
    return (
        f"cannot listen on {host}, port {port}: {error.strerror}. Give an address of this machine."
    )


def names(host: str, port: int) -> list[str]:
    """The ``name:port`` under which a server on ``host`` may be called."""
    given = [*LOOPBACK, host]
    if host in _ANY:
        given = [*LOOPBACK, platform.node()]
        for addresses in psutil.net_if_addrs().values():
            given += [each.address for each in addresses
                      if each.family in (socket.AF_INET, socket.AF_INET6)]  # fmt: skip
    found = [f"{bracketed(name)}:{port}" for name in given]
    return [*found, *(bracketed(name) for name in given)] if port == 80 else found


def bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def reachable(host: str) -> str:
    """A name under which a browser may call a server on ``host``."""
    return platform.node() if host in _ANY else host


class _Server(uvicorn.Server):
    """uvicorn's, which leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none: the process is to end with an exit code of its own."""
        yield


def serve(
    make_app: Callable[[], tuple[ASGIApp, Callable[[], None]]],
    listening: socket.socket,
    started: Callable[[], None],
    *,
    debug: bool = False,
) -> None:
    """Answer until a signal comes.

    Args:
        make_app: makes what answers, and what lets go of answers that are waited for.
        listening: the socket.
        started: is called once there are answers.
        debug: show what is raised.
    """
    # Whatever is raised is told on the page.
    logging.getLogger("uvicorn").setLevel(logging.ERROR if debug else logging.CRITICAL + 1)
    asyncio.run(_serve(make_app, listening, started))


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # addresses may hold the token
        server_header=False,
        proxy_headers=False,
        ws="none",
        http="h11",
        loop="asyncio",
        lifespan="off",
        timeout_graceful_shutdown=_LAST_WORDS,
    )


async def _serve(
    make_app: Callable[[], tuple[ASGIApp, Callable[[], None]]],
    listening: socket.socket,
    started: Callable[[], None],
) -> None:
    app, let_go = make_app()
    server = _Server(_config(app))

    def end() -> None:
        let_go()
        server.force_exit = server.should_exit  # who asks twice does not want to wait
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        started()
    await serving
