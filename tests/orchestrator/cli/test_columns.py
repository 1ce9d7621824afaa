"""Tables of text that fit where they are printed."""

from __future__ import annotations

from orchestrator.cli.columns import Column, lay_out

TABLE = [
    Column("trial", ["5", "12"]),
    Column("state", ["completed", "pruned"], right=False),
    Column("valid_loss", ["0.1132", "1.8"]),
    Column("time", ["0:02", "1:00"], rank=2),
    Column("learning_rate", ["0.00128", "-"]),
]


def test_numbers_are_at_the_right_and_words_at_the_left():
    assert lay_out(TABLE, None) == [
        "trial  state      valid_loss  time  learning_rate",
        "    5  completed      0.1132  0:02        0.00128",
        "   12  pruned            1.8  1:00              -",
    ]


def test_long_names_fold_where_there_is_little_room():
    assert lay_out(TABLE, 45) == [
        "                   valid        learning",
        "trial  state        loss  time      rate",
        "    5  completed  0.1132  0:02   0.00128",
        "   12  pruned        1.8  1:00         -",
    ]


def test_the_least_important_column_goes_where_there_is_less():
    assert lay_out(TABLE, 38) == [
        "                   valid  learning",
        "trial  state        loss      rate",
        "    5  completed  0.1132   0.00128",
        "   12  pruned        1.8         -",
    ]


def test_what_still_has_no_room_is_cut():
    assert all(len(line) <= 20 for line in lay_out(TABLE, 20))
