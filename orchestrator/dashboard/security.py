"""Who gets an answer: the right host, a read, from a page of ours or none, with the token."""

from __future__ import annotations

import hashlib
import hmac
import html
import secrets
from collections.abc import Collection, Iterable
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_TOKEN = 20
"""Characters of a token that a person chose, at least."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_READS = ("GET", "HEAD")
_OURS = ("same-origin", "none")
"""What browsers say of requests that a page of ours, or a person, made."""


class Secret:
    """A token, and what the cookie holds instead of it.

    The cookie of a host goes to every port of it, so it must not be the token, which may
    open more than this one server.

    Args:
        token: text that nobody guesses.
        port: on which the server listens.

    Attributes:
        cookie: name of the cookie.
        pass_: what the cookie holds.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token.encode()
        self.cookie = f"orch-{port}"
        seal = hmac.digest(self._token, f"orch dashboard, cookie of port {port}".encode(), "sha256")
        self.pass_ = seal.hex()

    def is_token(self, given: str) -> bool:
        """Whether this is the token; takes as long for any other."""
        return hmac.compare_digest(_digest(given.encode()), _digest(self._token))

    def is_pass(self, given: str) -> bool:
        """Whether this is what the cookie holds."""
        return hmac.compare_digest(_digest(given.encode()), _digest(self.pass_.encode()))


def new_token() -> str:
    """32 random bytes, as text that may stand in a URL."""
    return secrets.token_urlsafe(32)


class Guard:
    """Lets through what may be answered, and gives every answer its headers.

    Args:
        app: what answers.
        secret: of the server.
        hosts: ``name:port`` under which it may be called; any other is a name that somebody
            bent to this address.
        where: where the token is found, in a sentence, for those who come without it.
    """

    def __init__(self, app: ASGIApp, secret: Secret, hosts: Collection[str], where: str) -> None:
        self._app = app
        self._secret = secret
        self._hosts = frozenset(host.lower() for host in hosts)
        self._where = where

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse to."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer: ASGIApp = self._refusal(scope) or self._app
        await answer(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """What is answered instead; None where the request may pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if headers.getlist("host") != [headers.get("host")] or host not in self._hosts:
            known = " or ".join(sorted(self._hosts))
            return _plain(f"This dashboard answers to {known}. Forward the same port.", 421)
        if scope["method"] not in _READS:
            return _plain("Nothing can be changed here.", 405, {"Allow": ", ".join(_READS)})
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in query if name == "token"]
        knows = bool(tokens) and self._secret.is_token(tokens[0])
        foreign = _is_foreign(headers, f"http://{host}")
        # Whoever clicks on the printed URL in a terminal that is a web page comes from there.
        if foreign and not (knows and headers.get("sec-fetch-mode") == "navigate"):
            return _plain("Open this page from the address bar: another site led here.", 403)
        if knows:
            rest = [(name, value) for name, value in query if name != "token"]
            return self._enter(_clean(scope["path"], rest), foreign=foreign)
        if self._is_known(headers):
            return None
        return self._stranger()

    def _enter(self, path: str, *, foreign: bool) -> Response:
        """Hand out the cookie and go on without the token in the address."""
        if foreign:  # a redirect would still come from the other site, and without the cookie
            said = f'<meta http-equiv="refresh" content="0; url={html.escape(path)}">'
            response: Response = HTMLResponse(_page(f'{said}<p><a href="{html.escape(path)}">'
                                                    f"Go on</a></p>"))  # fmt: skip
        else:
            response = RedirectResponse(path, 303)
        response.set_cookie(
            self._secret.cookie, self._secret.pass_, path="/", httponly=True, samesite="strict"
        )
        return response

    def _is_known(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._secret.is_token(given.strip())
        name = self._secret.cookie
        return any(self._secret.is_pass(value) for value in _cookies(headers, name))

    def _stranger(self) -> Response:
        text = (
            f"<h1>This page asks for a token</h1><p>{html.escape(self._where)}</p>"
            f'<form action="/"><label>Or give the token: <input name="token" type="password" '
            f'autocomplete="off" required></label> <button>Open</button></form>'
        )
        return HTMLResponse(_page(text), 401, {"WWW-Authenticate": "Bearer"})


def _digest(value: bytes) -> bytes:
    """Of one length, whatever was given."""
    return hashlib.sha256(value).digest()


def _is_foreign(headers: Headers, own: str) -> bool:
    """Whether a browser says that a page of another origin made the request."""
    site = headers.get("sec-fetch-site")
    if site is not None and site.lower() not in _OURS:
        return True
    origin = headers.get("origin")
    return origin is not None and origin.lower() != own


def _clean(path: str, query: list[tuple[str, str]]) -> str:
    """A path on this server: one slash at its head, or it would name another server."""
    path = "/" + quote(path.lstrip("/\\"), safe="/~")
    return f"{path}?{urlencode(query)}" if query else path


def _cookies(headers: Headers, name: str) -> Iterable[str]:
    for line in headers.getlist("cookie"):
        for part in line.split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                yield value


def _plain(line: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(line + "\n", status, headers)


def _page(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>orch dashboard</title></head><body>{body}</body></html>"
    )


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sending
