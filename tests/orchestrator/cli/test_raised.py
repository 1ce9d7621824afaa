"""Where an error came from, out of what is kept of it."""

from __future__ import annotations

import traceback

import pytest

from orchestrator.cli.view.closing import closing
from orchestrator.cli.view.plain import over_line
from orchestrator.cli.view.raised import raised_at
from orchestrator.cli.view.table import table
from orchestrator.engine.records import TrialEnded, TrialStarted

TRACE = """\
Traceback (most recent call last):
  File "/home/me/my_net.py", line 31, in forward
    raise ValueError(f"{steps} do not fit")
  File "/env/lib/python3.12/site-packages/torch/nn/functional.py", line 90, in relu
    return handle(steps)
           ^^^^^^^^^^^^^
ValueError: 93 do not fit
"""
WHERE = 'my_net.py:31 in forward: raise ValueError(f"{steps} do not fit")'
REASON = "ValueError: 93 do not fit"


def test_the_last_line_of_ones_own_code_is_named():
    assert raised_at(TRACE, REASON) == WHERE


def test_a_traceback_of_python_itself_is_read():
    try:
        int("x")
    except ValueError:
        found = raised_at(traceback.format_exc(), "ValueError: ...")
    assert found.startswith("test_raised.py:")
    assert found.endswith(f'in {test_a_traceback_of_python_itself_is_read.__name__}: int("x")')


@pytest.mark.parametrize(
    ("detail", "reason", "found"),
    [
        ("", "loss became nan", ""),
        ("epoch 1\nout of luck\n\n", "exit code 1", "out of luck"),
        ("epoch 1\nout of luck\n", "exit code 1: out of luck", ""),
        ('  File "<frozen importlib>", line 3, in load', "x", "<frozen importlib>:3 in load"),
        ('  File "a.py", line 3, in f\n  File "b.py", line 4, in g\n', "x", "b.py:4 in g"),
    ],
)
def test_output_without_code_gives_its_last_line_if_that_says_more(detail, reason, found):
    assert raised_at(detail, reason) == found


def test_what_orch_itself_refuses_needs_no_place():
    import searchspaces

    ours = f'  File "{searchspaces.__file__}", line 3, in check\n    raise ConfigurationError(x)\n'
    assert raised_at(ours, "hidden_size: 8 is below low=16.") == ""
    library = (
        '  File "/env/lib/python3.12/site-packages/torch/x.py", line 90, in relu\n    return y\n'
    )
    assert raised_at(ours + library, "RuntimeError: no") == "x.py:90 in relu: return y"
    assert raised_at(TRACE + ours, "no") == WHERE


@pytest.fixture
def progress(teller):
    spec = teller.spec(trials=3)
    told = [TrialStarted(number, {"hidden_size": 20}, 7, 0, 3, 1.0) for number in (0, 1, 2)]
    told += [TrialEnded(number, "failed", REASON, 2.0, TRACE) for number in (0, 2)]
    return teller.followed(spec, told)


def test_the_table_names_the_line_below_the_reason(progress):
    lines = table(progress, width=80, height=40, now=5.0)
    assert lines[-2:] == [
        f"failed trials 0 and 2: {REASON}",
        '         at my_net.py:31 in forward: raise ValueError(f"{steps} do not fit")',
    ]
    narrow = table(progress, width=60, height=40, now=5.0)
    assert narrow[-1] == '         at my_net.py:31 in forward: raise ValueError(f"{st…'


def test_a_long_reason_takes_two_lines_at_most(teller):
    long = "RuntimeError: " + "mat1 and mat2 shapes cannot be multiplied " * 10
    told = [TrialStarted(0, {}, 7, 0, 3, 1.0), TrialEnded(0, "failed", long, 2.0)]
    lines = table(teller.followed(teller.spec(trials=3), told), width=80, height=40, now=5.0)
    failed = lines[next(k for k, line in enumerate(lines) if line.startswith("failed")) :]
    assert len(failed) == 2
    assert failed[1].endswith("…")


def test_the_closing_lines_name_it_too(progress):
    lines = closing(progress, None, width=80, now=5.0)
    assert lines[1:3] == [
        f"failed {REASON}: trials 0 and 2",
        '         at my_net.py:31 in forward: raise ValueError(f"{steps} do not fit")',
    ]


def test_a_plain_line_names_it_behind_the_reason(teller):
    progress = teller.followed(teller.spec(trials=3), [TrialStarted(0, {}, 7, 0, 3, 1.0)])
    over = progress.note(TrialEnded(0, "failed", REASON, 2.0, TRACE))
    assert over_line(over, progress) == f"trial 0  failed     {REASON} ({WHERE})"
