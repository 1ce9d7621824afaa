"""Servers: one that notifications can be posted to, one that speaks S3's language."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class Hook:
    """A server that takes JSON.

    Args:
        address: of this machine, to listen at.

    Attributes:
        got: what was posted.
        url: for apprise.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.got: list[dict[str, str]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                got.append(json.loads(content))
                self.send_response(500 if "refuse" in self.path else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"json://me:s3cret@{address}:{self._server.server_address[1]}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hook():
    made = Hook()
    yield made
    made.close()


class S3:
    """moto's server, a process of its own.

    Attributes:
        url: of the server.
    """

    def __init__(self, log: Path) -> None:
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
                stdout=output,
                stderr=output,
                env={key: value for key, value in os.environ.items() if key[:4] != "AWS_"},
            )
        deadline = time.monotonic() + 180
        while not (found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text())):
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.url = found[1]

    def client(self, service: str = "s3") -> Any:
        """boto3's, to look at the server by another way than orch's."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def bucket(self) -> str:
        """Make a bucket."""
        name = f"bucket-{secrets.token_hex(4)}"
        self.client().create_bucket(Bucket=name)
        return name

    def objects(self, bucket: str) -> dict[str, int]:
        """What is in a bucket, and its bytes."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", ())}

    def person(self, *actions: str) -> dict[str, str]:
        """Somebody who may do these, such as ``s3:PutObject``, as the environment names them."""
        iam, name = self.client("iam"), f"person-{secrets.token_hex(4)}"
        iam.create_user(UserName=name)
        said = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [said]})
        if actions:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """It looks at who asks, for the time of the block."""
        self._unasked(0)
        try:
            yield
        finally:
            self._unasked(float("inf"))

    def _unasked(self, requests: float) -> None:
        urllib.request.urlopen(
            urllib.request.Request(
                f"{self.url}/moto-api/reset-auth",
                data=str(requests).encode(),
                headers={"Content-Type": "text/plain"},
            )
        ).close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """One for all tests of this process."""
    pytest.importorskip("moto", reason="pip install 'moto[s3]' flask flask-cors")
    pytest.importorskip("flask_cors", reason="pip install 'moto[s3]' flask flask-cors")
    made = S3(tmp_path_factory.mktemp("s3") / "log")
    yield made
    made.close()


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The server, which this process's environment names; whatever the machine's own says."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    given = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": s3_server.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return s3_server
