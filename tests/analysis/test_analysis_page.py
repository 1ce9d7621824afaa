"""docs/analysis.md: its tables name what there is, and its example runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from analysis.figures import figure_names
from orchestrator.cli.main import cli

PAGE = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text(encoding="utf-8")


def first_column(heading: str) -> list[str]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def test_the_page_names_every_figure_once():
    assert first_column("Figures") == list(figure_names())


def test_the_page_names_every_option_of_the_command():
    told = {name.split()[0] for name in first_column("Options")}
    help_text = CliRunner().invoke(cli, ["analyze", "--help"]).output
    assert told | {"--debug", "--help"} == set(re.findall(r"^  (--\w+)", help_text, re.MULTILINE))


def test_the_example_runs_as_it_is_written(make_run, monkeypatch, tmp_path, capsys):
    make_run()
    monkeypatch.chdir(tmp_path)
    [code] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(code, "analysis.md", "exec"), {})  # the page's own example
    assert "('learning_rate', 0." in capsys.readouterr().out
    assert (tmp_path / "curves.pdf").stat().st_size > 1000
