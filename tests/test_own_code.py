"""docs/own-code.md: its examples run as they are written, in this process and without Ray."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.schedulers import schedulers
from orchestrator.searchers import searchers
from trainables.architectures import registry
from trainables.data.catalog import datasets
from trainables.outcomes import EpochDone
from trainables.programs.function import FunctionTrial

PAGE = (Path(__file__).parent.parent / "docs" / "own-code.md").read_text(encoding="utf-8")
NAMED = re.compile(
    r"`(my_\w+\.(?:py|yaml))`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in FENCE.findall(PAGE) if found == language]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folder with the page's files in it."""
    files = dict(NAMED.findall(PAGE))
    assert set(files) == {
        "my_net.py", "my_lit.py", "my_train.py", "my_ddp.py", "my_program.py", "my_program.yaml",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in files:
        sys.modules.pop(Path(name).stem, None)


def orch(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, f"{arguments}: {done.output}{done.exception!r}"
    return done.stdout


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        (("my_net:Net", "--set", "width=32"), r"epoch 1  train_loss \S+  valid_loss \S+  accuracy"),
        (("my_lit:Lit", "--dataset", "digits"), r"epoch 2  valid_loss [12]\.\d+"),
        (("my_train:train",), r"epoch 2  valid_loss 0\.8\d+  weight 0\.0\d+"),
        (("my_train:simple-asha",), r"epoch 2  valid_loss 0\.9\d+"),
        (("my_ddp:train",), r"here it is one, rank 0\s+of 1\n.*\nepoch 2  valid_loss \d\.\d+"),
        (("my_program.yaml",), r"epoch 2  valid_loss 1\.000  epoch 2\.000"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")  # Lightning advises
def test_each_example_can_be_tried(sweep: tuple[str, ...], says: str) -> None:
    if sweep[0].startswith("my_lit"):
        pytest.importorskip("pytorch_lightning", reason="the extra lightning is not installed")
    assert re.search(says, orch("try", *sweep, "--epochs", "2"))


def test_each_sweep_on_the_page_can_be_made() -> None:
    lines = [line for text in blocks("sh") for line in text.splitlines() if "orch sweep" in line]
    assert len(lines) == 7
    for line in lines:
        if "my_lit" in line:
            pytest.importorskip("pytorch_lightning", reason="the extra lightning is not installed")
        orch(*shlex.split(line)[1:], "--dry-run")


def test_the_example_with_state_goes_on_as_if_it_had_never_stopped() -> None:
    whole, first, second = (FunctionTrial.bare(target="my_train:train", epochs=4) for _ in range(3))
    whole.begin({"rate": 0.3}, seed=0)
    expected = [whole.run_epoch() for _ in range(4)]
    first.begin({"rate": 0.3}, seed=0)
    assert [first.run_epoch() for _ in range(2)] == expected[:2]
    second.begin({"rate": 0.3}, seed=0, epoch=2, state=first.freeze())
    assert [second.run_epoch() for _ in range(2)] == expected[2:]
    assert all(isinstance(outcome, EpochDone) for outcome in expected)


def test_the_loop_with_ask_and_tell_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [code] = [text for text in blocks("python") if "ask_tell" in text]
    exec(compile(code, "own-code.md", "exec"), {})  # the page's own example
    assert re.fullmatch(r"\{'depth': \d\}\n", capsys.readouterr().out)
    assert [path.name.split("-", 1)[1][:8] for path in (folder / "runs").iterdir()] == ["ask-asha"]


def test_the_entry_points_are_those_that_orch_looks_for() -> None:
    [text] = blocks("toml")
    [(group, points)] = tomllib.loads(text)["project"]["entry-points"].items()
    assert (group, points) == ("orch.architectures", {"my-net": "my_net:Net"})
    groups = re.findall(r"^\| `(orch\.\w+)` \|", PAGE, re.MULTILINE)
    assert groups == [one.group for one in (registry, datasets, searchers, schedulers)]
