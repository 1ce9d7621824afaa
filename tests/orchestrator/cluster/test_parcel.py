"""What is sent to a cluster's head: all of it, verified, once, and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.cluster import shipping
from orchestrator.cluster.credentials import adopt, notified, secrets_of
from orchestrator.cluster.errors import ClusterError
from orchestrator.cluster.listing import listed
from orchestrator.cluster.mirror import Mirror
from orchestrator.cluster.parcel import Item, Parcel, parcel_of
from orchestrator.cluster.project import project_of
from orchestrator.cluster.shadowing import ShadowingError, refuse_shadows, reserved
from orchestrator.cluster.shipping import Shipper, used_by
from orchestrator.cluster.tokens import Token
from orchestrator.cluster.unpack import Unpacker
from orchestrator.cluster.wheel import PACKAGES, Wheel, made_wheel
from orchestrator.names import compose
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import spec_from
from searchspaces.errors import OrchError, UsageError
from trainables.data.errors import MissingDataError

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the far side needs a POSIX system")

TRAIN = """
from helper import WIDTH
def train(config):
    for epoch in range(2):
        yield {"valid_loss": WIDTH * config["lr"]}
"""
SPACE = {"lr": {"low": 0.1, "high": 1.0}}


class FarSide:
    """Another home, and a way to run words there.

    Attributes:
        home: of the account.
        calls: words that were run, with their standard input.
        cut: bytes of standard input after which the connection breaks.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.home = home
        self.root = home / "orch"
        self.calls: list[tuple[list[str], bytes]] = []
        self.cut = 1 << 40

    def __call__(self, words, given, **variables):
        self.calls.append((words, given))
        if len(given or b"") > self.cut:
            given = given[: self.cut]
        done = subprocess.run(
            words, input=given, capture_output=True, check=False, cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], **variables},
        )  # fmt: skip
        if len(given or b"") == self.cut:
            raise ConnectionError
        return done

    def python(self, *words, **variables):
        done = self([sys.executable, "-P", *words], b"", **variables)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


@pytest.fixture
def far(tmp_path):
    return FarSide(tmp_path / "far")


@pytest.fixture
def shipper(far):
    return Shipper(far, where="10.0.0.1", python=sys.executable)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder of one's own with a training function, as the present folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "my_train.py").write_text(TRAIN)
    (folder / "helper.py").write_text("WIDTH = 64\n")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name in ("my_train", "helper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield folder
    for name in ("my_train", "helper"):
        sys.modules.pop(name, None)


def own_spec(**changes):
    return spec_from({"architecture": "my_train:train", "space": SPACE, **changes})


def tiny(**files: bytes) -> Parcel:
    """A parcel with a small wheel, and files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("pack/__init__.py"), b"one = 1\n")
        archive.writestr(zipfile.ZipInfo("pack-1.dist-info/RECORD"), b"pack/__init__.py,,\n")
    wheel = Wheel("pack.whl", "1", content.getvalue())
    items = [item("lib/abc.whl", wheel.content)]
    items += [item(name, data) for name, data in files.items()]
    return Parcel(tuple(items), "lib/abc.whl", "lib/abc", ("work/k/0",), "", "", "")


def item(path: str, data: bytes, mode: int = 0o644) -> Item:
    return Item(path, data, len(data), hashlib.sha256(data).hexdigest(), mode)


def test_the_wheel_holds_what_pip_would_install(tmp_path):
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel",
         "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT],
        check=True, cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    [built] = tmp_path.glob("*.whl")
    made = made_wheel()
    assert made.name == built.name

    def content(wheel):
        with zipfile.ZipFile(wheel) as archive:
            return {
                name: archive.read(name)
                for name in archive.namelist()
                if not name.endswith(("/RECORD", "/WHEEL", "/METADATA"))
            }

    assert content(io.BytesIO(made.content)) == content(built)


def test_pip_installs_the_wheel_without_network_and_finds_it_whole(tmp_path):
    made = made_wheel()
    (tmp_path / made.name).write_bytes(made.content)
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", "--target", target,
         tmp_path / made.name],
        check=True, capture_output=True,
    )  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            if not name.endswith("/RECORD"):
                assert (target / name).read_bytes() == archive.read(name)
    assert (target / "bin" / "orch").is_file()


def test_the_same_files_make_the_same_wheel():
    assert made_wheel().sha256 == made_wheel().sha256


def test_what_was_shipped_runs_without_the_source_tree(far, shipper, project):
    shipped = shipper.ship(parcel_of(own_spec()))
    assert shipped.root == str(far.root)
    assert shipped.library.startswith(f"{far.root}/lib/")
    path = os.pathsep.join([shipped.library, *shipped.modules])
    code = f"import {', '.join(PACKAGES)}; print(*[p.__file__ for p in ({', '.join(PACKAGES)})])"
    places = far.python("-c", code, PYTHONPATH=path).split()
    assert places == [f"{shipped.library}/{name}/__init__.py" for name in PACKAGES]
    assert far.python("-m", "orchestrator", "--version", PYTHONPATH=path) == (
        f"orch {made_wheel().version}\n"
    )
    code = "import my_train; print(my_train.__file__, next(my_train.train({'lr': 0.5})))"
    assert far.python("-c", code, PYTHONPATH=path) == (
        f"{shipped.modules[0]}/my_train.py {{'valid_loss': 32.0}}\n"
    )


def test_the_shipped_orch_is_the_far_side_of_a_mirror(far, shipper, tmp_path):
    shipped = shipper.ship(parcel_of(spec_from(compose("gru-asha"))))
    run = RunFolder.create(Path(shipped.runs), spec_from(compose("gru-asha")), {})
    words = ["env", f"HOME={far.home}", *shipped.mirror_words(sys.executable)]
    with Mirror(words, run.id, tmp_path / "runs" / run.id) as mirror:
        assert mirror.finish().files == 1
    assert (tmp_path / "runs" / run.id / "spec.yaml").is_file()


def test_a_second_ship_sends_nothing_and_a_change_only_what_changed(far, shipper, project):
    first = shipper.ship(parcel_of(own_spec()))
    assert first.sent == parcel_of(own_spec()).size
    far.calls.clear()
    again = shipper.ship(parcel_of(own_spec()))
    assert again.sent == 0
    assert [words[-2] for words, _ in far.calls] == ["need", "place"]
    assert again.modules == first.modules
    (project / "helper.py").write_text("WIDTH = 128\n")
    changed = shipper.ship(parcel_of(own_spec()))
    assert changed.sent == len("WIDTH = 128\n")
    assert changed.modules != first.modules
    assert changed.library == first.library
    assert Path(first.modules[0], "helper.py").read_text() == "WIDTH = 64\n"


def files_of(root: Path) -> list[Path]:
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".lock" and path.parent.name != "parcels"
    ]


def test_damage_of_every_byte_and_loss_of_every_file_is_noticed_and_mended(far, shipper):
    parcel = tiny(**{"work/k/0/a.py": b"a = 1\n", "work/k/0/sub/b.py": b"", "data/d/x": b"xyz"})
    shipper.ship(parcel)
    assert shipper.check(parcel) == []
    manifest = json.loads(parcel.manifest)

    def problems():
        unpacker = Unpacker(far.root)
        unpacker.check(manifest)
        return unpacker.problems

    found = files_of(far.root)
    assert [str(path.relative_to(far.root)) for path in found] == [
        "data/d/x", "lib/abc/pack/__init__.py", "lib/abc/pack-1.dist-info/RECORD", "lib/abc.whl",
        "work/k/0/a.py", "work/k/0/sub/b.py",
    ]  # fmt: skip
    for path in found:
        name, content = str(path.relative_to(far.root)), path.read_bytes()
        wrong = f"{name}: its bytes are not those that were sent"
        for place in range(len(content)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            assert wrong in problems()
        path.write_bytes(content + b" ")
        assert wrong in problems()
        path.unlink()
        assert f"{name}: is not there" in problems()
        path.symlink_to("/etc/hostname")
        assert f"{name}: is not there" in problems()
        path.unlink()
        path.write_bytes(content)
        path.chmod(0o600)
        if not name.startswith("lib/abc/"):
            assert problems() == [f"{name}: its mode is not 644"]
        path.chmod(0o644)
        assert problems() == []
    (far.root / "lib/abc/ray.py").write_text("import evil\n")
    assert problems() == ["lib/abc/ray.py: was not sent"]
    for path in found:
        path.write_bytes(b"damaged")
    shipper.ship(parcel)
    assert problems() == []
    assert files_of(far.root) == found


def test_a_file_of_the_real_wheel_that_was_changed_there_is_mended(far, shipper, project):
    parcel = parcel_of(own_spec())
    shipped = shipper.ship(parcel)
    Path(shipped.library, "orchestrator", "sweep.py").write_text("raise SystemExit\n")
    Path(shipped.library, "numpy.py").touch()
    assert shipper.check(parcel) == [
        f"{parcel.library}/orchestrator/sweep.py: its bytes are not those that were sent",
        f"{parcel.library}/numpy.py: was not sent",
    ]
    assert shipper.ship(parcel).sent == 0
    assert shipper.check(parcel) == []


def test_the_manifest_comes_last(far, shipper, monkeypatch):
    parcel = tiny(**{"data/d/x": b"x" * 1000})
    far.cut = len(shipper._script) + 900  # all that is asked first, and not all that is sent
    with pytest.raises(ConnectionError):
        shipper.ship(parcel)
    assert not list(far.root.glob("parcels/*"))
    far.cut = 1 << 40
    shipper.ship(parcel)
    [manifest] = far.root.glob("parcels/*.json")
    assert json.loads(manifest.read_text()) == json.loads(parcel.manifest)
    assert not list((far.root / "parts").iterdir())


def test_a_ship_that_was_cut_goes_on_where_it_was(far, shipper, monkeypatch):
    monkeypatch.setattr(shipping, "BATCH", 1000)
    content = os.urandom(10_000)
    parcel = tiny(**{"data/d/x": content})
    calls = 0

    def breaking(words, given):
        nonlocal calls
        calls += 1
        if calls == 6:
            raise ConnectionError
        return far(words, given)

    with pytest.raises(ConnectionError):
        Shipper(breaking, where="n1", python=sys.executable).ship(parcel)
    shipped = shipper.ship(parcel)
    assert shipped.sent == parcel.size - 4000
    assert (far.root / "data/d/x").read_bytes() == content


def test_what_changes_on_the_way_is_told_in_one_line(far, shipper):
    good = tiny(**{"work/k/0/a.py": b"a = 1\n"})
    bad = Item("work/k/0/a.py", b"a = 2\n", 6, good.items[1].sha256)
    parcel = Parcel((good.items[0], bad), good.wheel, good.library, (), "", "", "")
    with pytest.raises(ClusterError) as caught:
        shipper.ship(parcel)
    assert str(caught.value) == (
        "10.0.0.1: what was sent is not what is there: work/k/0/a.py: is not there. Was it "
        "changed on the way? Try again."
    )


def test_a_disk_that_is_too_small_is_told_in_one_line(far, shipper, monkeypatch):
    huge = Item("data/d/x", b"", 10**18, "0" * 64)
    parcel = tiny()
    with pytest.raises(ClusterError, match=r"^10\.0\.0\.1: 1,000,000,000,000 MB are to be sent, "):
        shipper.ship(Parcel((huge,), parcel.wheel, parcel.library, (), "", "", ""))


def test_a_far_python_that_is_none_is_told_in_one_line(far):
    def failing(words, given):
        return subprocess.CompletedProcess(words, 1, b"Welcome\n", b"Traceback\nKeyError: 'x'\n")

    with pytest.raises(ClusterError) as caught:
        Shipper(failing, where="n1").ship(tiny())
    assert str(caught.value) == "n1: KeyError: 'x'."


def test_what_a_login_shell_prints_before_does_no_harm(far):
    def noisy(words, given):
        done = far(words, given)
        done.stdout = b'Welcome to n1\n{"a": 1}\n' + done.stdout
        return done

    assert Shipper(noisy, where="n1", python=sys.executable).ship(tiny()).sent > 0


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil", "link/evil", ""])
def test_nothing_is_unpacked_outside_the_folder(tmp_path, path):
    root, outside = tmp_path / "orch", tmp_path / "outside"
    outside.mkdir()
    unpacker = Unpacker(root)
    (root / "link").symlink_to(outside)
    with pytest.raises(ValueError, match="lies outside"):
        unpacker.place({"items": [vars(item(path, b""))], "wheels": []})
    assert not list(outside.iterdir())
    assert not (tmp_path / "evil").exists()


def test_the_unpacking_script_needs_nothing_but_python_itself():
    import ast

    from orchestrator.cluster import unpack

    tree = ast.parse(Path(unpack.__file__).read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("orchestrator.py", "orchestrator"), ("ray.py", "ray"), ("torch/__init__.py", "torch"),
        ("numpy.py", "numpy"), ("sklearn/__init__.py", "sklearn"), ("yaml.py", "yaml"),
        ("random.py", "random"), ("pydantic_core.py", "pydantic_core"), ("Ray.py", "Ray"),
    ],
)  # fmt: skip
def test_a_module_with_the_name_of_a_package_that_orch_needs_is_refused(project, file, name):
    (project / file).parent.mkdir(exist_ok=True)
    (project / file).touch()
    with pytest.raises(ShadowingError) as caught:
        project_of(own_spec())
    assert str(caught.value) == (
        f"{project / file}: would be imported on the cluster in place of the package {name!r}. "
        f"Rename it, or name it in .orchignore."
    )
    (project / ".orchignore").write_text(f"{file.partition('/')[0]}\n")
    assert file not in project_of(own_spec()).roots[0].files


def test_names_that_shadow_nothing_are_no_harm(tmp_path):
    refuse_shadows(
        tmp_path, ["numpy/data.txt", "sub/numpy.py", "numpy/x.py", "test.py", "model.py", "ray.txt"]
    )
    assert {"ray", "torch", "numpy", "polars", "wandb", "pandas"} <= reserved()
    assert not {"model", "utils", "tests", "data", "train", "pytest"} & reserved()


def git(folder, *words):
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n")


KINDS = (
    "a.py", "pkg/__init__.py", "pkg/b.py", "pkg/settings.yaml", "data/loader.py", "data/raw.csv",
    "runs/1/spec.yaml", ".env", ".env.local", "key.pem", "id_rsa", "id_map.py", "notes.md",
    ".venv/lib/x.py", "env2/pyvenv.cfg", "env2/lib/y.py", "pkg/__pycache__/b.cpython-311.pyc",
    ".github/ci.py", "ignored.py", "sub/credentials.json",
)  # fmt: skip


def test_where_there_is_git_what_it_tracks_is_sent_and_new_code(tmp_path):
    write(tmp_path, *KINDS)
    (tmp_path / ".gitignore").write_text(".venv/\nenv2/\nignored.py\n")
    (tmp_path / "away.yaml").symlink_to("/etc/hostname")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    write(tmp_path, "new.py", "new.yaml", "gone.py")
    git(tmp_path, "add", "gone.py")
    (tmp_path / "gone.py").unlink()
    assert listed(tmp_path) == [
        ".gitignore", "a.py", "data/loader.py", "id_map.py", "new.py", "notes.md",
        "pkg/__init__.py", "pkg/b.py", "pkg/settings.yaml",
    ]  # fmt: skip


def test_where_there_is_no_git_all_code_is_sent(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    write(tmp_path, *KINDS)
    found = ["a.py", "data/loader.py", "id_map.py", "ignored.py", "pkg/__init__.py", "pkg/b.py"]
    assert listed(tmp_path) == found
    (tmp_path / ".orchignore").write_text("# not these\nignored.*\n\n/pkg/b.py\ndata/\n")
    assert listed(tmp_path) == ["a.py", "id_map.py", "pkg/__init__.py"]


def test_too_much_is_refused_with_the_name_of_the_largest(project):
    with (project / "table.py").open("wb") as file:
        file.truncate(120_000_000)
    with pytest.raises(UsageError) as caught:
        project_of(own_spec())
    assert str(caught.value) == (
        f"{project}: 120 MB would go to the cluster, and 100 MB are the most; the largest is "
        f"table.py with 120 MB. Name what is not needed in .orchignore."
    )


def test_a_registered_architecture_needs_nothing_of_one_s_own(project):
    assert project_of(spec_from(compose("gru-asha"))).roots == ()


def test_a_module_is_sent_even_if_git_does_not_know_its_folder(project):
    (project / ".gitignore").write_text("my_train.py\n")
    git(project, "init", "-q")
    git(project, "add", "helper.py")
    [root] = project_of(own_spec()).roots
    assert root.files == ("helper.py", "my_train.py")
    assert root.modules


def test_a_command_is_sent_with_its_folder_and_runs_in_it(project, far, shipper):
    write(project, "tools/train.sh", "settings.yaml", "other.txt")
    (project / "tools/train.sh").chmod(0o755)
    spec = spec_from(
        {"command": "sh tools/train.sh --lr {lr} settings.yaml", "space": SPACE, "name": "c"}
    )
    found = project_of(spec)
    assert found.runs_in == found.roots[0]
    assert not found.roots[0].modules
    assert found.roots[0].files == (
        "helper.py", "my_train.py", "settings.yaml", "tools/train.sh",
    )  # fmt: skip
    shipped = shipper.ship(parcel_of(spec))
    assert shipped.modules == ()
    assert Path(shipped.runs_in, "settings.yaml").read_text() == "x = 1\n"
    assert stat.S_IMODE(Path(shipped.runs_in, "tools/train.sh").stat().st_mode) == 0o755


def test_a_script_that_only_this_machine_has_is_refused(project, tmp_path):
    write(tmp_path, "elsewhere/train.py")
    for path in (tmp_path / "elsewhere/train.py", project / "my_train.py", "../elsewhere/train.py"):
        spec = spec_from({"command": f"python {path} {{lr}}", "space": SPACE, "name": "c"})
        with pytest.raises(UsageError) as caught:
            project_of(spec)
        assert str(caught.value) == (
            f"command: {path} is a path of this machine. Go to the folder of that script, and "
            f"write its path as it is from there."
        )


SOURCE = """
import numpy as np
from trainables.data.part import Part
from trainables.data.source import DataFile, DatasetSource
class Waves(DatasetSource):
    name = "waves"
    summary = "waves"
    classes = ("up", "down")
    files = (DataFile("train.txt", part="train"), DataFile("test.txt", part="test"))
    def parse(self, folder, part):
        values = np.loadtxt(folder / f"{part}.txt", dtype=np.float32)[:, :, None]
        labels = np.arange(len(values)) % 2
        steps = np.full(len(values), values.shape[1], dtype=np.int32)
        return Part(values, steps, labels, np.full(len(values), -1))
"""


def test_the_data_set_is_sent_once_and_is_the_same_there(
    project, far, shipper, monkeypatch, tmp_path
):
    import numpy as np

    (project / "waves_source.py").write_text(SOURCE)
    monkeypatch.setenv("ORCH_DATA", str(tmp_path / "data"))
    spec = spec_from(compose("mlp-asha"), {"dataset": "waves_source:Waves"})
    with pytest.raises(MissingDataError, match="no data for 'waves_source:Waves'"):
        parcel_of(spec)
    (tmp_path / "data/waves").mkdir(parents=True)
    for name, count in (("train", 40), ("test", 10)):
        values = np.random.default_rng(0).normal(size=(count, 5))
        np.savetxt(tmp_path / f"data/waves/{name}.txt", values)
    assert [name for name in parcel_of(spec).listing if name.startswith("data/")] == [
        "data/waves/train.txt"
    ]
    shipped = shipper.ship(parcel_of(spec))
    assert shipped.data == f"{far.root}/data"
    assert shipped.dataset == ""
    code = (
        "from trainables.data import load_sweep_data; "
        "print(load_sweep_data('waves_source:Waves').fingerprint)"
    )
    path = os.pathsep.join([shipped.library, *shipped.modules])
    there = far.python("-c", code, PYTHONPATH=path, ORCH_DATA=shipped.data)
    from trainables.data import load_sweep_data

    assert there == f"{load_sweep_data('waves_source:Waves').fingerprint}\n"
    said = {"dataset": "waves_source:Waves", "split": "published"}
    size = (tmp_path / "data/waves/test.txt").stat().st_size
    assert shipper.ship(parcel_of(spec_from(compose("mlp-asha"), said))).sent == size
    sys.modules.pop("waves_source")


def test_a_data_file_of_one_s_own_is_sent_and_has_another_name_there(project, far, shipper):
    rows = "".join(f"{number % 2},{number * 0.1},{number * 0.2}\n" for number in range(20))
    (project / "my data.csv").write_text("label,a,b\n" + rows)
    spec = spec_from(compose("mlp-asha"), {"dataset": "csv:my data.csv"})
    shipped = shipper.ship(parcel_of(spec))
    kind, _, path = shipped.dataset.partition(":")
    assert kind == "csv"
    assert Path(path).read_text() == "label,a,b\n" + rows
    assert path.startswith(f"{far.root}/data/own/")
    assert shipper.ship(parcel_of(spec)).sent == 0


def test_an_embedded_data_set_needs_no_files():
    parcel = parcel_of(spec_from(compose("gru-asha")))
    assert parcel.listing == [parcel.wheel]


def test_a_parcel_says_what_is_in_it(project):
    words = parcel_of(own_spec()).words
    version = made_wheel().version
    assert re.match(rf"orch {re.escape(version)} \(\d\.\d MB\)", words)
    assert words.endswith(f" MB), 2 files of your own ({(len(TRAIN) + 11) / 1000:.1f} kB)")


def test_secrets_travel_as_files_that_nobody_else_can_read(far, shipper, monkeypatch):
    secrets = {"WANDB_API_KEY": b"k3y-of-mine", "RAY_AUTH_TOKEN": b"t0ken"}
    folder = Path(shipper.hide("7f3a", secrets))
    assert folder == far.root / "secrets/7f3a"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == secrets
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    for words, _ in far.calls:
        assert "k3y" not in " ".join(words)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", "another")
    assert adopt(folder) == ("RAY_AUTH_TOKEN", "WANDB_API_KEY")
    assert (os.environ["WANDB_API_KEY"], os.environ["RAY_AUTH_TOKEN"]) == ("k3y-of-mine", "t0ken")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")  # undone with the rest
    (folder / "WANDB_API_KEY").chmod(0o640)
    with pytest.raises(OrchError) as caught:
        adopt(folder)
    assert str(caught.value) == (
        f"{folder / 'WANDB_API_KEY'}: others can read this secret, so it is not used. Make it anew."
    )
    shipper.hide("7f3a", {"A": b"1"})
    assert [path.name for path in folder.iterdir()] == ["A"]
    shipper.forget("7f3a")
    shipper.forget("7f3a")
    assert not folder.exists()
    with pytest.raises(OrchError, match="secrets cannot be read: No such file or directory"):
        adopt(folder)


def test_only_the_secrets_that_a_sweep_needs_are_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    around = {
        "WANDB_API_KEY": "k", "WANDB_BASE_URL": "https://w.example", "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "s", "MLFLOW_TRACKING_PASSWORD": "p", "OTHER_SECRET": "x",
        "HOME": str(tmp_path), "WANDB_CONFIG_DIR": str(tmp_path), "NETRC": str(tmp_path / "netrc"),
    }  # fmt: skip

    def taken(environ=around, token=None, **changes):
        return secrets_of(spec_from(compose("gru-asha"), changes), environ, token=token)

    assert taken() == {}
    online = {"tracking": {"wandb": "online"}}
    assert taken(**online) == {"WANDB_API_KEY": b"k", "WANDB_BASE_URL": b"https://w.example"}
    assert taken(tracking={"wandb": "offline"}) == {}
    assert taken(tracking={"mlflow": "http://m"}) == {"MLFLOW_TRACKING_PASSWORD": b"p"}
    assert taken(storage="s3://bucket/x") == {
        "AWS_ACCESS_KEY_ID": b"a", "AWS_SECRET_ACCESS_KEY": b"s",
    }  # fmt: skip
    assert taken(token=Token("t", "", None)) == {"RAY_AUTH_TOKEN": b"t"}
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password from-netrc\n")
    logged_in = {"NETRC": around["NETRC"], "WANDB_CONFIG_DIR": str(tmp_path)}
    public = {"WANDB_API_KEY": b"from-netrc", "WANDB_BASE_URL": b"https://api.wandb.ai"}
    assert taken(logged_in, **online) == public
    auto = {"tracking": {"wandb": "auto"}}
    assert taken(logged_in, **auto) == public | {"WANDB_MODE": b"online"}
    nobody = {"NETRC": str(tmp_path / "none"), "WANDB_CONFIG_DIR": str(tmp_path)}
    assert taken(nobody, **auto) == {"WANDB_MODE": b"offline"}
    (tmp_path / "netrc").unlink()
    (tmp_path / "settings").write_text("[default]\napi_key = hidden\n")
    with pytest.raises(UsageError) as caught:
        taken(logged_in, **online)
    assert str(caught.value) == (
        "W&B: somebody is logged in here, but the key cannot be handed to the cluster. Set "
        "WANDB_API_KEY, or take --wandb offline."
    )


def aged(path: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def test_what_is_old_and_needed_by_nobody_goes_and_nothing_else(far, shipper):
    root = far.root
    then, lately = int(time.time() - 8 * 86400), int(time.time() - 6 * 86400)
    shipped = shipper.ship(tiny(**{"work/k/0/a.py": b"a"}))
    for name in ("lib/old", "lib/needed", "lib/in-use", "work/old", "work/needed", "work/lately",
                 f"runs/1.before-{then}-7", f"runs/1.before-{lately}-7", "runs/1", "secrets/lost",
                 "data/set"):  # fmt: skip
        (root / name).mkdir(parents=True)
        (root / name / "file").write_text("text")
    (root / "lib/old.whl").write_text("wheel")
    (root / "parts").mkdir(exist_ok=True)
    (root / "parts/half").write_text("half")
    for path in (*root.glob("*/*"),):
        if path.parent.name != "parcels" and "lately" not in path.name:
            aged(path, 8)
    needed = replace(shipped, library=f"{root}/lib/needed", modules=(f"{root}/work/needed/0",))
    shipper.use("1122-mine-7f3a", needed)
    running = subprocess.Popen(
        ["sleep", "60"], env={"PYTHONPATH": str(root / "lib/in-use"), "PATH": os.environ["PATH"]}
    )
    try:
        removed = shipper.prune()
    finally:
        running.kill()
        running.wait()
    gone = ["lib/old", "lib/old.whl", "parts/half", f"runs/1.before-{then}-7", "secrets/lost",
            "work/old"]  # fmt: skip
    assert sorted(removed) == gone
    assert [name for name in gone if (root / name).exists()] == []
    assert shipper.check(tiny(**{"work/k/0/a.py": b"a"})) == []
    # A parcel that nobody has sent for a week, and a run that has been fetched.
    for path in root.glob("parcels/*"):
        aged(path, 8)
    Path(used_by(f"{root}/runs/1122-mine-7f3a")).unlink()
    assert sorted(shipper.prune()) == [
        "lib/abc", "lib/abc.whl", "lib/in-use", "lib/needed", "work/k", "work/needed",
    ]  # fmt: skip
    assert list(root.glob("parcels/*")) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"wandb": "online"},
            "WANDB_BASE_URL: http://localhost:8080 is this machine's own W&B, and the sweep runs "
            "on the cluster's head. Give an address by which the head reaches it.",
        ),
        (
            {"mlflow": "http://127.0.0.1:5000"},
            "--mlflow: http://127.0.0.1:5000 is this machine's own MLflow, and the sweep runs on "
            "the cluster's head. Give an address by which the head reaches it.",
        ),
        (
            {"mlflow": "sqlite:///mlflow.db"},
            "--mlflow: sqlite:///mlflow.db lies on this machine, and the sweep runs on the "
            "cluster's head. Give the address of a server that the head can reach.",
        ),
    ],
)
def test_a_tracker_that_only_this_machine_reaches_is_refused(changes, line, tmp_path):
    environ = {
        "WANDB_API_KEY": "k",
        "WANDB_BASE_URL": "http://localhost:8080",
        "WANDB_CONFIG_DIR": str(tmp_path),
    }
    with pytest.raises(UsageError) as caught:
        secrets_of(spec_from(compose("gru-asha"), {"tracking": changes}), environ)
    assert str(caught.value) == line


def test_whom_to_notify_is_read_once_and_never_becomes_a_variable(far, shipper):
    urls = ("json://host/s3cret", "tgram://another one")
    folder = Path(shipper.hide("7f3a", secrets_of(spec_from(compose("gru-asha")), notify=urls)))
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
    assert notified(folder) == urls
    assert notified(folder) == ()
    assert adopt(folder) == ()
    assert "s3cret" not in repr(os.environ)


def test_an_orch_that_is_not_installed_is_told_in_one_line(monkeypatch):
    from orchestrator.cluster import wheel

    monkeypatch.setattr(wheel, "DISTRIBUTION", "orch-sweep-of-nobody")
    with pytest.raises(OrchError) as caught:
        made_wheel()
    assert str(caught.value) == (
        "orch-sweep-of-nobody is not installed here, so it cannot be sent. Run: pip install -e ."
    )
