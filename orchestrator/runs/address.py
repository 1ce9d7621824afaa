"""Where checkpoints go instead of the run's folder, as people write it: a URL or a path."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from searchspaces.errors import ConfigurationError, UnknownNameError

KINDS = {"s3": "s3", "gs": "gs", "gcs": "gs"}
OPTIONS = ("endpoint_override", "region", "scheme")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")
_SECRETS = ("access_key", "secret_key", "session_token", "credentials")
_PLACES = "s3://bucket/prefix, gs://bucket/prefix or a folder that all machines see"


@dataclass(frozen=True)
class Bucket:
    """A part of an object store.

    Attributes:
        kind: ``s3`` or ``gs``.
        name: of the bucket.
        prefix: before every key in it, without a slash at either end; may be empty.
        endpoint: URL of a server that speaks the same language; empty is the one that everybody
            means.
        region: of the bucket; empty is whatever the bucket itself says.
    """

    kind: str
    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""

    def __str__(self) -> str:
        """Without its options: ``s3://bucket/prefix``."""
        return f"{self.kind}://{self.path}"

    @property
    def path(self) -> str:
        """Bucket and prefix."""
        return f"{self.name}/{self.prefix}" if self.prefix else self.name

    @property
    def url(self) -> str:
        """With everything that :func:`address_of` reads."""
        scheme, _, host = self.endpoint.rpartition("://")
        said = {"endpoint_override": host, "scheme": scheme, "region": self.region}
        query = urlencode({key: value for key, value in said.items() if value}, safe=":/")
        return f"{self}?{query}" if query else str(self)


Address = Bucket | Path


def address_of(text: str) -> Address:
    """What a person wrote; a path is made absolute.

    Raises:
        ConfigurationError: it is no such place, or it holds a secret. The line does not.
    """
    if not _URL.match(text):
        return Path(text).expanduser().absolute()
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query))
    if "@" in parts.netloc or ":" in parts.netloc or options.keys() & set(_SECRETS):
        raise _wrong(
            "a URL that holds a key or a password would be written down. Leave them out: they come "
            "from the environment, ~/.aws or the machine's role."
        )
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"} or not parts.path:
            raise _wrong(f"{text!r} names no folder. Write file:///folder, or /folder.")
        return Path(unquote(parts.path))
    if parts.scheme not in KINDS:
        raise _wrong(f"{parts.scheme}:// is no place that is known here. Give {_PLACES}.")
    if not _NAME.fullmatch(parts.netloc):
        raise _wrong(f"{parts.scheme}:// is to be followed by the name of a bucket.")
    for name in options:
        if name not in OPTIONS:
            raise _wrong(str(UnknownNameError("option", name, OPTIONS)))
    host = options.get("endpoint_override", "").rstrip("/")
    if host and "://" not in host:
        host = f"{options.get('scheme', 'https')}://{host}"
    prefix = "/".join(part for part in unquote(parts.path).split("/") if part)
    return Bucket(KINDS[parts.scheme], parts.netloc, prefix, host, options.get("region", ""))


def normal(text: str) -> str:
    """The same place in one way of writing, for a spec; empty stays empty.

    Raises:
        ConfigurationError: as of :func:`address_of`.
    """
    if not text:
        return ""
    address = address_of(text)
    return address.url if isinstance(address, Bucket) else str(address)


def with_server(bucket: Bucket, environment: Mapping[str, str] = os.environ) -> Bucket:
    """The bucket with the server that the environment names, for processes elsewhere.

    Args:
        bucket: as it was written; what it says comes first.
        environment: of this process.
    """
    if bucket.endpoint or bucket.kind != "s3":
        return bucket
    named = (environment.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
    return replace(bucket, endpoint=next((url.rstrip("/") for url in named if url), ""))


def _wrong(problem: str) -> ConfigurationError:
    return ConfigurationError(problem, place="storage")
