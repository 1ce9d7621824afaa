"""What the documentation says is so: links resolve, Python runs, commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What headings can be linked as."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_resolves(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_command_in_the_readme_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\borch ([a-z]+)\b", text)) - {"is", "tunes"}
    from orchestrator.cli.main import COMMANDS

    assert named <= set(COMMANDS)
    assert set(COMMANDS) <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_in_the_docs_exists(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    for words in re.findall(r"(?:^|`)make ([a-z ]+)", text, re.MULTILINE):
        assert set(words.split()) <= targets, words


@pytest.mark.slow
def test_the_readmes_python_runs(tmp_path):
    [code] = [
        code
        for language, code in FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
        if language == "python"
    ]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "learning_rate" in done.stdout
    assert "4, 4)" in done.stdout  # a frame of four trials and four columns


@pytest.mark.slow
def test_contributings_first_architecture_works_as_written(tmp_path):
    """The two files, in a copy of the packages; nothing else is changed."""
    import shutil

    for package in ("searchspaces", "trainables", "orchestrator", "analysis"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    space, network = [code for language, code in FENCE.findall(text) if language == "python"]
    (tmp_path / "searchspaces" / "tcn.py").write_text(space, encoding="utf-8")
    (tmp_path / "trainables" / "architectures" / "tcn.py").write_text(network, encoding="utf-8")
    check = (
        "from trainables import architecture\n"
        "from trainables.testing import CHECKS, sampled_configs\n"
        "import orchestrator\n"
        f"assert orchestrator.__file__.startswith({str(tmp_path)!r})\n"
        "Tcn = architecture('tcn')\n"
        "for config in sampled_configs(Tcn):\n"
        "    for check in CHECKS:\n"
        "        check(Tcn, config)\n"
        "result = orchestrator.run('tcn-asha', trials=2, epochs=3, concurrency=1)\n"
        "assert result.trials['state'].to_list().count('completed') >= 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", check],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
