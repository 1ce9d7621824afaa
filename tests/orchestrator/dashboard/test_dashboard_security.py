"""Who gets an answer from a dashboard: real requests to the real process."""

from __future__ import annotations

import http.client
import json
import re
import socket

import psutil
import pytest

from orchestrator.dashboard.security import HEADERS, Secret, new_token

PATHS = ["/", "/data/home", "/assets/run.js", "/nowhere"]


@pytest.fixture(scope="module")
def served(start, tmp_path_factory):
    """A dashboard of a folder in which there are no runs yet, beside a file that is nobody's."""
    place = tmp_path_factory.mktemp("dashboard")
    (place / "secret.txt").write_text("nobody's")
    (place / "runs").mkdir()
    with start(place / "runs") as found:
        yield found


def cookie(served) -> str:
    _, headers, _ = served.ask(f"/?token={served.token}", known=False)
    return headers["set-cookie"].split(";")[0]


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_told_but_where_it_is(served, path):
    status, headers, body = served.ask(path, known=False)
    assert status == 401
    assert "Open the URL that was printed where orch dashboard was started" in body.decode()
    assert headers["www-authenticate"] == "Bearer"
    assert "set-cookie" not in headers


def test_the_token_buys_a_cookie_and_leaves_the_address(served):
    status, headers, body = served.ask(f"/?token={served.token}", known=False)
    assert (status, headers["location"], body) == (303, "/", b"")
    name, *rest = headers["set-cookie"].split("; ")
    assert name.startswith(f"orch-{served.port}=")
    assert {part.lower() for part in rest} == {"httponly", "path=/", "samesite=strict"}
    assert served.token not in headers["set-cookie"]
    assert served.ask("/", Cookie=name)[0] == 200
    assert served.ask("/data/home", Cookie=f"other=1; {name}; orch-1=2")[0] == 200


def test_the_rest_of_an_address_survives_the_token(served):
    path = f"/compare?runs=a%2Cb&token={served.token}&x=%26"
    assert served.ask(path, known=False)[1]["location"] == "/compare?runs=a%2Cb&x=%26"


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "///evil.example"])
def test_a_redirect_never_leads_to_another_server(served, path):
    status, headers, _ = served.ask(f"{path}?token={served.token}", known=False)
    assert status == 303
    assert re.match(r"/[^/\\]", headers["location"])


@pytest.mark.parametrize(
    "given",
    [{"Authorization": "Bearer "}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"},
     {"Cookie": "orch-{port}=wrong"}, {"Cookie": "orch-{port}={token}"}, {"Cookie": "orch-{port}"},
     {"Authorization": "Bearer \xe9"}, {"Cookie": "orch-{port}=\xe9"}],
    ids=repr,
)  # fmt: skip
def test_what_is_not_quite_the_token_opens_nothing(served, given):
    filled = {
        name: value.format(port=served.port, token=served.token) for name, value in given.items()
    }
    assert served.ask("/data/home", known=False, **filled)[0] == 401
    assert served.ask("/?token=wrong", known=False)[0] == 401


def test_a_script_may_give_the_token_in_a_header(served):
    assert served.ask("/data/home", Authorization=f"bearer {served.token}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"])
@pytest.mark.parametrize("path", ["/", "/data/home", "/nowhere"])
def test_nothing_can_be_changed(served, method, path):
    for known in (True, False):
        status, headers, _ = served.ask(path, method=method, known=known)
        assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_head_answers_as_get_does_without_the_body(served):
    status, headers, body = served.ask("/", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) == len(served.ask("/")[2])
    assert served.ask("/", method="HEAD", known=False)[0] == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:{other}",
             "localhost:{other}", "127.0.0.1.evil.example:{port}", "2130706433:{port}", ""],
)  # fmt: skip
def test_another_name_that_leads_here_is_not_answered(served, host):
    name = host.format(port=served.port, other=served.port + 1)
    status, _, body = served.ask("/data/home", Host=name)
    assert status in {400, 421}
    assert b"runs" not in body
    assert served.ask(f"/?token={served.token}", Host=name)[0] in {400, 421}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_this_machine_is_answered_under_each_of_its_names(served, host):
    assert served.ask("/data/home", Host=f"{host}:{served.port}")[0] == 200


def test_a_request_with_two_hosts_is_refused(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(
            f"GET /data/home HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nHost: evil.example\r\n"
            f"Authorization: Bearer {served.token}\r\nConnection: close\r\n\r\n".encode()
        )
        assert line.recv(100).split(b" ")[1] in {b"400", b"421"}


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Origin", "http://evil.example", 403),
        ("Origin", "null", 403),
        ("Origin", "http://127.0.0.1:{other}", 403),
        ("Origin", "https://127.0.0.1:{port}", 403),
        ("Origin", "http://127.0.0.1:{port}", 200),
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "same-site", 403),
        ("Sec-Fetch-Site", "same-origin", 200),
        ("Sec-Fetch-Site", "none", 200),
    ],
)
def test_a_page_of_another_site_gets_nothing_even_with_the_cookie(served, name, value, status):
    given = {name: value.format(port=served.port, other=served.port + 1)}
    found, _, body = served.ask("/data/home", Cookie=cookie(served), **given)
    assert found == status
    assert (b"runs" in body) == (status == 200)


def test_a_link_from_another_page_opens_the_dashboard_only_with_the_token(served):
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert served.ask("/", known=False, **foreign)[0] == 403
    assert served.ask("/", Cookie=cookie(served), **foreign)[0] == 403
    assert served.ask("/?token=wrong", known=False, **foreign)[0] == 403
    path = f"/compare?runs=%22%3E%3Cb%3E&token={served.token}"
    status, headers, body = served.ask(path, known=False, **foreign)
    # A redirect would still count as coming from there, and the cookie would stay behind.
    assert status == 200
    assert headers["set-cookie"].startswith(f"orch-{served.port}=")
    assert 'content="0; url=/compare?runs=%22%3E%3Cb%3E"' in body.decode()
    assert "<b>" not in body.decode()
    fetched = {**foreign, "Sec-Fetch-Mode": "no-cors"}
    assert served.ask(f"/?token={served.token}", known=False, **fetched)[0] == 403


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/", {}), ("/", {"known": False}), ("/", {"method": "POST"}), ("/", {"Host": "evil:1"}),
     ("/data/home", {}), ("/assets/style.css", {}), ("/nowhere", {}), ("/data/runs/none", {}),
     ("/", {"Origin": "http://evil.example"}), ("/?token={token}", {"known": False})],
    ids=repr,
)  # fmt: skip
def test_every_answer_has_the_headers_that_keep_it_in(served, path, asked):
    _, headers, _ = served.ask(path.format(token=served.token), **asked)
    for name, value in HEADERS.items():
        assert headers[name.lower()] == value
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_the_policy_lets_nothing_in_from_elsewhere(served):
    policy = served.ask("/")[1]["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("img-src") == "data:"
    assert rules.pop("require-trusted-types-for") == "'script'"
    assert set(rules.values()) == {"'none'", "'self'"}
    assert rules["default-src"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"


@pytest.mark.parametrize(
    "path",
    ["/runs/..%2Fsecret.txt", "/runs/../secret.txt", "/data/runs/..", "/data/runs/%2e%2e%2fruns",
     "/assets/..%2f..%2fpage.html", "/assets/page.html", "/assets/..", "/runs/%00",
     "/data/compare?runs=..,../secret.txt", "/runs/" + "x" * 5000, "/data/runs/%c3%28"],
)  # fmt: skip
def test_no_address_is_a_path_on_disk(served, path):
    status, _, body = served.ask(path)
    assert status == 404
    assert b"nobody" not in body
    assert b"Traceback" not in body


def test_bytes_that_are_no_request_end_nothing(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        line.recv(1000)
    with pytest.raises((http.client.HTTPException, OSError, AssertionError)):
        assert served.ask("/" + "x" * 200_000)[0] == 200
    assert served.ask("/data/home")[0] == 200


def test_the_token_is_never_written_anywhere(start, tmp_path):
    (tmp_path / "runs").mkdir()
    with start(tmp_path / "runs") as served:
        for path in (f"/?token={served.token}", "/data/runs/none", "/data/home"):
            served.ask(path)
        processes = [psutil.Process(served.process.pid)]
        processes += processes[0].children(recursive=True)
        assert len(processes) == 2
        for process in processes:
            assert served.token not in " ".join(process.cmdline())
        served.process.terminate()
        assert served.process.stdout.read() + served.process.stderr.read() == ""


def test_tokens_are_long_and_differ_and_the_cookie_belongs_to_a_port():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 43 for token in tokens)
    a, b = Secret("t" * 40, 1), Secret("t" * 40, 2)
    assert a.pass_ != b.pass_
    assert a.is_pass(a.pass_)
    assert not a.is_pass(b.pass_)
    assert not a.is_token("")
    assert not a.is_token(a.pass_)


def test_there_are_no_runs_is_an_answer(served):
    assert json.loads(served.ask("/data/home")[2]) == {"runs": [], "more": False}
