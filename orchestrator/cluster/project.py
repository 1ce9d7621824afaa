"""What of one's own a sweep needs on a cluster: the modules that it names, a command's folder."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cluster.listing import listed
from orchestrator.cluster.shadowing import refuse_shadows
from orchestrator.cluster.wheel import PACKAGES
from orchestrator.spec import SweepSpec
from searchspaces.errors import ConfigurationError, UsageError
from trainables.data.own.source import own_kind
from trainables.programs.placeholders import arguments_of

MOST_BYTES, MOST_FILES = 100_000_000, 5_000
_SCRIPTS = (".py", ".sh")


@dataclass(frozen=True)
class Root:
    """A folder of one's own.

    Attributes:
        folder: here.
        files: paths in it of what goes to the cluster.
        modules: modules are found in it; otherwise it is only where a command runs.
    """

    folder: Path
    files: tuple[str, ...]
    modules: bool

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum((self.folder / file).stat().st_size for file in self.files)


@dataclass(frozen=True)
class Project:
    """Everything of one's own but data.

    Attributes:
        roots: folders, in the order in which modules are looked for in them.
        runs_in: the one in which the sweep's commands run; None if none does.
    """

    roots: tuple[Root, ...] = ()
    runs_in: Root | None = None


def project_of(spec: SweepSpec, folder: Path | None = None) -> Project:
    """What of one's own a sweep needs.

    Args:
        spec: the sweep; what it names can be imported here.
        folder: in which it was started; the present one by default.

    Raises:
        ShadowingError: a module would be imported in place of a package that orch needs.
        UsageError: there is too much of it, or a command names a script of this machine alone.
    """
    here = (folder or Path.cwd()).resolve()
    wanted: dict[Path, set[str]] = {}
    for module in _modules(spec):
        top = module.partition(".")[0]
        root = _root_of(top)
        if root is not None:
            wanted.setdefault(root, set()).update(_files_of(root, top))
    modules = set(wanted)
    if spec.command:
        wanted.setdefault(here, set()).update(_scripts(spec.command, here))
    roots = {root: _root(root, files, root in modules) for root, files in wanted.items()}
    return Project(tuple(roots.values()), roots[here] if spec.command else None)


def _modules(spec: SweepSpec) -> Iterator[str]:
    """Modules that may be one's own."""
    for name in (spec.architecture, spec.dataset):
        if ":" in name and not own_kind(name):
            yield name.partition(":")[0]
    for part in (spec.space, spec.training, spec.searcher, spec.scheduler):
        yield type(part).__module__


def _root_of(top: str) -> Path | None:
    """The folder in which a module is found; None if it is installed, or orch's own."""
    if top in PACKAGES or top == "__main__":
        return None
    found = importlib.util.find_spec(top)
    if found is None:
        return None
    places = list(found.submodule_search_locations or ())
    if not places and not found.has_location:
        return None
    file = Path(places[0] if places else found.origin or "").resolve()
    installed = (sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib"))
    if any(file.is_relative_to(Path(place).resolve()) for place in installed):
        return None
    return file.parent


def _files_of(root: Path, top: str) -> Iterator[str]:
    """A module's own files, whatever git says of them."""
    if (root / f"{top}.py").is_file():
        yield f"{top}.py"
    for path in (root / top).rglob("*.py"):
        yield path.relative_to(root).as_posix()


def _scripts(command: str, here: Path) -> Iterator[str]:
    """Files in a folder that a command names.

    Raises:
        ConfigurationError: it names a script by a path that only this machine has.
    """
    for word in arguments_of(command):
        path = Path(word).expanduser()
        if "{" in word or not (here / path).is_file():
            continue
        inside = (here / path).resolve().is_relative_to(here)
        if path.is_absolute() or not inside:
            if path.suffix in _SCRIPTS:
                raise ConfigurationError(
                    f"{word} is a path of this machine. Go to the folder of that script, and "
                    f"write its path as it is from there.",
                    place="command",
                )
            continue
        yield path.as_posix()


def _root(folder: Path, named: Iterable[str], modules: bool) -> Root:
    """A folder with what of it goes to the cluster."""
    ours = {path.name for name in PACKAGES if (path := folder / name).is_dir() and _is_ours(path)}
    files = {*listed(folder), *named}
    files = {file for file in files if file.partition("/")[0] not in ours}
    refuse_shadows(folder, files)
    root = Root(folder, tuple(sorted(files)), modules)
    _refuse_much(root)
    return root


def _is_ours(path: Path) -> bool:
    """Whether a folder is the very package that goes along anyway."""
    found = importlib.util.find_spec(path.name)
    return (
        found is not None and bool(found.origin) and path.samefile(Path(found.origin or "").parent)
    )


def _refuse_much(root: Root) -> None:
    if len(root.files) > MOST_FILES:
        raise UsageError(
            f"{root.folder}: {len(root.files):,} files would go to the cluster, and {MOST_FILES:,} "
            f"are the most. Name what is not needed in .orchignore."
        )
    sizes = {file: (root.folder / file).stat().st_size for file in root.files}
    total = sum(sizes.values())
    if total > MOST_BYTES:
        largest = max(sizes, key=lambda file: sizes[file])
        raise UsageError(
            f"{root.folder}: {total / 1e6:.0f} MB would go to the cluster, and "
            f"{MOST_BYTES / 1e6:.0f} MB are the most; the largest is {largest} with "
            f"{sizes[largest] / 1e6:.0f} MB. Name what is not needed in .orchignore."
        )
