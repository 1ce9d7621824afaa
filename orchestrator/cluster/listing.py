"""Which files of a folder of one's own go to a cluster: code, and nothing that is secret or large.

Where there is git: what it tracks, and new Python files that it does not ignore. Elsewhere all
Python files. ``.orchignore`` takes out more: a pattern a line, as ``*.ipynb``, ``notes/`` or
``/only/here.py``.
"""

from __future__ import annotations

import fnmatch
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from searchspaces.errors import UsageError

IGNORE = ".orchignore"
MOST_LOOKED_AT = 200_000
"""Entries of a folder without git; a home folder has more."""
_FOLDERS = frozenset(
    {
        "__pycache__", "node_modules", "site-packages", "venv", "runs", "wandb", "mlruns",
        "lightning_logs", "build", "dist",
    }
)  # fmt: skip
_DATA = frozenset({"data", "datasets"})
_SECRET = (
    ".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "*.keystore", "id_rsa*", "id_dsa*",
    "id_ecdsa*", "id_ed25519*", "id_*.pub", "credentials", "credentials.*", ".netrc", "_netrc",
    ".git-credentials", ".pypirc", "auth_token", "kubeconfig", "secrets.*",
)  # fmt: skip


def listed(root: Path) -> list[str]:
    """Paths of the files in a folder that go to a cluster, sorted, with ``/``.

    Raises:
        UsageError: there are too many to look at.
    """
    found = _of_git(root)
    names = _python_files(root) if found is None else found
    patterns = _patterns(root)
    return sorted({name for name in names if _goes(root, name) and not _ignored(name, patterns)})


def _goes(root: Path, name: str) -> bool:
    """Whether a file is one that may leave this machine."""
    path = PurePosixPath(name)
    *folders, file = path.parts
    if any(folder in _FOLDERS or folder.startswith(".") for folder in folders):
        return False
    python = path.suffix == ".py"
    if not python and any(fnmatch.fnmatchcase(file.lower(), pattern) for pattern in _SECRET):
        return False
    if not python and _DATA & set(folders):
        return False
    real = Path(os.path.realpath(root / name))
    return real.is_file() and real.is_relative_to(os.path.realpath(root))


def _of_git(root: Path) -> list[str] | None:
    """Files that git tracks, and new Python files; None where there is no git."""

    def ask(*words: str) -> list[str] | None:
        try:
            done = subprocess.run(  # noqa: S603  # git, with fixed words
                ["git", "-C", str(root), "ls-files", "-z", *words],  # noqa: S607  # the person's own git
                capture_output=True, check=False, env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            )  # fmt: skip
        except OSError:
            return None
        if done.returncode:
            return None
        return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]

    tracked = ask("--cached")
    if tracked is None:
        return None
    new = ask("--others", "--exclude-standard") or []
    return tracked + [name for name in new if name.endswith(".py")]


def _python_files(root: Path) -> Iterator[str]:
    looked = 0
    for folder, folders, files in os.walk(root):
        looked += len(folders) + len(files)
        if looked > MOST_LOOKED_AT:
            raise UsageError(
                f"{root}: holds more than {MOST_LOOKED_AT:,} files, too many to look for code in. "
                f"Put the code into a folder of its own, and start there."
            )
        folders[:] = [
            name
            for name in folders
            if name not in _FOLDERS
            and not name.startswith(".")
            and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        for file in files:
            if file.endswith(".py"):
                yield Path(folder, file).relative_to(root).as_posix()


def _patterns(root: Path) -> list[str]:
    try:
        lines = (root / IGNORE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{root / IGNORE}: cannot be read as UTF-8 text.") from error
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def _ignored(name: str, patterns: list[str]) -> bool:
    """Whether a pattern means a file or a folder around it."""
    parts = name.split("/")
    around = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for pattern in patterns:
        folder_only, bare = pattern.endswith("/"), pattern.strip("/")
        for place in around[:-1] if folder_only else around:
            # A pattern with a slash in it means a place, any other a name anywhere.
            meant = place if "/" in pattern.rstrip("/") else place.rpartition("/")[2]
            if fnmatch.fnmatchcase(meant, bare):
                return True
    return False
