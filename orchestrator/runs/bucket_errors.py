"""What object stores say when they refuse, in a few words: pyarrow passes on a page."""

from __future__ import annotations

import re

from orchestrator.runs.address import Bucket

_CURL = re.compile(r"curlCode: (\d+)|CURL error \[(\d+)\]")
_CREDENTIALS = (
    "Credentials come from the environment, ~/.aws or the machine's role",
    "Credentials come from GOOGLE_APPLICATION_CREDENTIALS, gcloud's or the machine's role",
)
MOST = 200
"""Characters of what is not known."""


def reason(error: OSError, bucket: Bucket) -> str:
    """Why something could not be done with a bucket, in one line without a full stop."""
    said = " ".join(str(error).split())
    text = said.upper().replace("_", "").replace(" ", "")
    for signs, words in _known(bucket):
        if any(sign in text for sign in signs):
            return words
    curl = _CURL.search(said)
    if curl:
        return _network(int(curl[1] or curl[2]), bucket)
    if "NETWORKCONNECTION" in text or "UNAVAILABLE" in text:
        return f"nobody answers at {_server(bucket)}"
    return re.sub(r" ?\(Request ID: [^)]*\)", "", said).rstrip(".")[:MOST]


def _known(bucket: Bucket) -> tuple[tuple[tuple[str, ...], str], ...]:
    credentials = _CREDENTIALS[bucket.kind == "gs"]
    return (
        (("NOSUCHBUCKET", "BUCKETDOESNOTEXIST", f"BUCKET'{bucket.name.upper()}'NOTFOUND"),
         f"there is no bucket {bucket.name!r}"),
        (("INVALIDACCESSKEYID",), f"its access key is not known there. {credentials}"),
        (("SIGNATUREDOESNOTMATCH", "INVALIDSIGNATURE"),
         f"its secret key is wrong. {credentials}"),
        (("EXPIREDTOKEN", "TOKENHASEXPIRED"), f"its credentials have expired. {credentials}"),
        (("CREATEAOAUTH2ACCESSTOKEN",), f"there are no credentials for it here. {credentials}"),
        (("INVALIDTOKEN",), f"its session token is wrong. {credentials}"),
        (("REQUESTTIMETOOSKEWED",), "the clock of this machine is wrong"),
        (("ACCESSDENIED", "PERMISSIONDENIED", "UNAUTHENTICATED", "HTTPSTATUS403", "FORBIDDEN"),
         f"access denied. {credentials}"),
        (("PERMANENTREDIRECT", "HTTPSTATUS301", "AUTHORIZATIONHEADERMALFORMED"),
         "the bucket is in another region. Name it at the URL's end: ?region=NAME"),
        (("SLOWDOWN", "RESOURCEEXHAUSTED"), "it is asked too much at once"),
    )  # fmt: skip


def _network(code: int, bucket: Bucket) -> str:
    server = _server(bucket)
    if code == 6:
        return f"no machine is called {server}, or the network is down"
    if code == 28:
        return f"{server} does not answer in time"
    if code in {35, 51, 58, 60, 77}:
        return f"{server} has a certificate that is not trusted here"
    return f"nobody answers at {server}"


def _server(bucket: Bucket) -> str:
    common = "storage.googleapis.com" if bucket.kind == "gs" else "s3.amazonaws.com"
    return bucket.endpoint.rpartition("://")[2] or common
