"""Notifications through apprise, sent by a process that can be given up.

The URLs are secrets: they go to that process through its standard input, and nobody is shown
more of one than its scheme. Started as a file, this module is that process; it imports nothing
but Python's own until it knows the parent's ``sys.path``.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Literal

Kind = Literal["success", "warning", "failure"]
SECONDS = 10.0
"""After so long what has not gone out is given up."""


def check(urls: Sequence[str]) -> None:
    """Make sure that apprise is there and understands every URL.

    Raises:
        UsageError: it is not, or does not.
    """
    from searchspaces.errors import UsageError

    if not urls:
        return
    if importlib.util.find_spec("apprise") is None:
        raise UsageError("--notify needs apprise. Install it: pip install 'orch-sweep[notify]'")
    from apprise import Apprise

    _hush()
    for place, url in enumerate(urls, 1):
        if Apprise.instantiate(url) is None:
            raise UsageError(
                f"--notify: apprise does not understand {_shown(url, place, len(urls))}. "
                f"Write it as in https://appriseit.com/services/"
            )


def send(
    urls: Sequence[str], title: str, body: str, *, kind: Kind, seconds: float = SECONDS
) -> str:
    """Send a message to every URL.

    Args:
        urls: as :func:`check` has accepted them.
        title: a line.
        body: lines.
        kind: what services show it as.
        seconds: to wait at most.

    Returns:
        what did not go out, in one line; empty if everything did.
    """
    order = {"path": sys.path, "urls": list(urls), "title": title, "body": body, "kind": kind}
    process = subprocess.Popen(  # noqa: S603  # our own file, by our own interpreter
        [sys.executable, "-P", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries name the URL there
        start_new_session=True,  # Ctrl-C is for this process alone
    )
    why = "it was not taken there"
    try:
        said, _ = process.communicate(json.dumps(order).encode(), timeout=seconds)
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as error:
        late = isinstance(error, subprocess.TimeoutExpired)
        why = f"no answer within {seconds:g} s" if late else "stopped by you"
        process.kill()
        said, _ = process.communicate()
    sent = {int(line) for line in said.split()}
    missing = [_shown(url, place, len(urls)) for place, url in enumerate(urls, 1)
               if place - 1 not in sent]  # fmt: skip
    if not missing:
        return ""
    return f"no notification went to {', '.join(missing)}: {why}."


def _shown(url: str, place: int, of: int) -> str:
    """What may be said of a URL."""
    scheme, found, _ = url.partition("://")
    name = f"a {scheme}:// URL" if found and scheme.isalnum() else "a URL without a scheme"
    return f"{name} ({place} of {of})" if of > 1 else name


def _hush() -> None:
    """Nothing that apprise logs is to be seen: it may name a URL."""
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [logging.NullHandler()], False


def _child() -> None:
    """Send what the parent says, and write the number of each URL that took it."""
    order = json.loads(sys.stdin.buffer.read())
    sys.path[:] = order["path"]
    from apprise import Apprise

    _hush()

    services = [Apprise() for _ in order["urls"]]
    for service, url in zip(services, order["urls"], strict=True):
        service.add(url)  # one after the other: apprise loads its services with the first
    saying = threading.Lock()

    def one(number: int, service: Apprise) -> None:
        # One without a service takes nothing.
        if service.notify(order["body"], order["title"], order["kind"]):
            with saying:
                print(number, flush=True)  # what the parent reads

    threads = [threading.Thread(target=one, args=found) for found in enumerate(services)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    _child()
