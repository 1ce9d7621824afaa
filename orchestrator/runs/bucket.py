"""Checkpoints in an object store: S3, what speaks its language, or Google's."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from typing import Any

from orchestrator.runs.address import Bucket
from orchestrator.runs.bucket_errors import reason
from orchestrator.runs.checkpoints import CheckpointError, Kept, StoreError
from orchestrator.runs.distant import DistantStore, StorageError

CONNECT_SECONDS, REQUEST_SECONDS = 10.0, 20.0
ATTEMPTS = 4
"""Of a request that is worth another; the waits between them double."""
AT_ONCE = 8
"""Objects that are deleted at the same time."""


class BucketStore(DistantStore):
    """A run's checkpoints below a prefix of a bucket.

    An object is there with its last byte or not at all. Credentials are never held: each
    process finds its own, as the cloud's own tools do. The connection is opened once a process.

    Args:
        bucket: where; with the server it is on.
        run_id: follows its prefix.
    """

    def __init__(self, bucket: Bucket, run_id: str) -> None:
        super().__init__(str(bucket))
        self.bucket = bucket
        self._root = f"{bucket.path}/{run_id}"

    @property
    def way_out(self) -> str:
        """It has to be allowed in."""
        return "Give every machine a way to it and credentials, or give another --storage."

    def check(self) -> None:
        """The bucket is there and can be listed."""
        try:
            missing = _is_missing(_opened(self.bucket), self.bucket.name)
        except OSError as error:
            raise self._lost(error) from error
        if missing:
            raise StorageError(self.where, f"there is no bucket {self.bucket.name!r}.")

    def write(self, key: str, data: bytes) -> None:
        """Send the object.

        Raises:
            StoreError: nobody takes it.
        """
        try:
            stream = _opened(self.bucket).open_output_stream(self._path(key))
            try:
                stream.write(data)
                stream.close()
            except BaseException:
                with suppress(OSError):  # or pyarrow writes of it to the terminal
                    stream.close()
                raise
        except OSError as error:
            raise self._refused("written", key, error) from error

    def read(self, key: str) -> bytes:
        """Fetch the object.

        Raises:
            CheckpointError: it is gone.
            StoreError: nobody answers, or lets it be read: no reason to start a trial over.
        """
        try:
            with _opened(self.bucket).open_input_file(self._path(key)) as stream:
                return bytes(stream.read())
        except FileNotFoundError as error:
            raise CheckpointError(self._name(key), "there is no such object") from error
        except OSError as error:
            raise self._refused("read", key, error) from error

    def delete(self, key: str) -> None:
        """Delete the object.

        Raises:
            StoreError: that is not allowed, or nobody answers.
        """
        try:
            with suppress(FileNotFoundError):
                _opened(self.bucket).delete_file(self._path(key))
        except OSError as error:
            raise self._refused("deleted", key, error) from error

    def forget(self, keys: Iterable[str]) -> None:
        """Delete many."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(self.delete, keys))

    def clear(self, folder: str, keep: str | None = None) -> None:
        """Delete the objects of a trial, but for the one to keep."""
        try:
            if keep is None:
                with suppress(FileNotFoundError):
                    _opened(self.bucket).delete_dir(self._path(folder))
                return
            found = self._list(self._path(folder))
        except OSError as error:
            raise self._refused("deleted", folder, error) from error
        self.forget(kept.key for kept in found if kept.key != keep)

    def kept(self) -> list[Kept]:
        """Its objects, but for the marker.

        Raises:
            StorageError: nobody answers, or the bucket is gone.
        """
        self.check()
        try:
            return [kept for kept in self._list(self._root) if "/" in kept.key]
        except OSError as error:
            raise self._lost(error) from error

    def remove_all(self) -> None:
        """Delete all objects of the run."""
        try:
            with suppress(FileNotFoundError):
                _opened(self.bucket).delete_dir(self._root)
        except OSError as error:
            raise self._lost(error) from error

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _list(self, path: str) -> list[Kept]:
        from pyarrow import fs

        chosen = fs.FileSelector(path, recursive=True, allow_not_found=True)
        return [
            Kept(found.path.removeprefix(f"{self._root}/"), found.size)
            for found in _opened(self.bucket).get_file_info(chosen)
            if found.is_file
        ]

    def _name(self, key: str) -> str:
        return f"{self.bucket.kind}://{self._path(key)}"

    def _refused(self, done: str, key: str, error: OSError) -> StoreError:
        return StoreError(self._name(key), f"cannot be {done}: {reason(error, self.bucket)}")

    def _lost(self, error: OSError) -> StorageError:
        return StorageError(self.where, f"{reason(error, self.bucket)}.")


def _is_missing(files: Any, path: str) -> bool:
    from pyarrow import fs

    return bool(files.get_file_info(path).type == fs.FileType.NotFound)


@lru_cache(maxsize=8)
def _opened(bucket: Bucket) -> Any:
    """The file system of a bucket, for the life of the process.

    Raises:
        OSError: the bucket's region cannot be found out.
    """
    from pyarrow import fs

    scheme, _, host = bucket.endpoint.rpartition("://")
    named = {"endpoint_override": host, "scheme": scheme} if host else {}
    if bucket.kind == "gs":
        limit = timedelta(seconds=REQUEST_SECONDS)
        return fs.GcsFileSystem(retry_time_limit=limit, **named)
    region = bucket.region or (None if host else fs.resolve_s3_region(bucket.name))
    return fs.S3FileSystem(
        region=region,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        allow_delayed_open=True,  # a small object is one request, not three
        **named,
    )
