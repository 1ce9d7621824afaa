"""The live table, line by line, on terminals of several sizes."""

from __future__ import annotations

from orchestrator.cli.view.table import table

AT_80 = """\
gru-bohb on spoken-arabic-digits                          run 1121-gru-bohb-7f3a
plan   46 trials, 342 epochs, 4 brackets, 2 at a time                about 7 min
space  num_layers 1..4, hidden_size 16..256 log,
       dropout 0..0.5 if num_layers > 1
       learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2

epochs     1             3           9           27
bracket 0  26 of 27      9 of 9      3 of 3      -
bracket 1                7 of 9      -           -
bracket 2                            -           -
bracket 3                                        -

best   trial 0  valid_loss 0.2085  accuracy 0.896  epoch 22
       num_layers 1  hidden_size 16  learning_rate 0.0001  batch_size 64
       0.7071 ██████████▅▅▅▅▅▅▄▃▃▃▃▃▃▃▂▂▂▂▁▁▁▁ 0.2085 over 96 epochs
now    trial 0 epoch 23 of 27   trial 34 epoch 1 of 3        2 of 2 workers busy
done   26 of 46 trials   96 of 342 epochs   1 failed   1:52, 4:46 left
failed trial 12: valid_loss is not finite"""

AT_120 = """\
gru-bohb on spoken-arabic-digits                                                                  run 1121-gru-bohb-7f3a
plan   46 trials, 342 epochs, 4 brackets, 2 at a time                                                        about 7 min
space  num_layers 1..4, hidden_size 16..256 log, dropout 0..0.5 if num_layers > 1
       learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2

epochs     1             3           9           27
bracket 0  26 of 27      9 of 9      3 of 3      -
bracket 1                7 of 9      -           -
bracket 2                            -           -
bracket 3                                        -

best   trial 0  valid_loss 0.2085  accuracy 0.896  epoch 22
       num_layers 1  hidden_size 16  learning_rate 0.0001  batch_size 64
       0.7071 ██████████▅▅▅▅▅▅▄▃▃▃▃▃▃▃▂▂▂▂▁▁▁▁ 0.2085 over 96 epochs
now    trial 0 epoch 23 of 27   trial 34 epoch 1 of 3                                                2 of 2 workers busy
done   26 of 46 trials   96 of 342 epochs   1 failed   1:52, 4:46 left
failed trial 12: valid_loss is not finite"""  # noqa: E501  # as wide as the terminal it shows


def story(teller, epochs=96, **changes):
    spec = teller.spec(dataset="spoken-arabic-digits")
    return teller.followed(spec, teller.told(spec, epochs=epochs, failing={12: 1}), **changes)


def test_the_table_at_80_columns(teller):
    lines = table(story(teller), width=80, height=40, now=112.0)
    assert "\n".join(lines) == AT_80


def test_the_table_at_120_columns(teller):
    lines = table(story(teller), width=120, height=40, now=112.0)
    assert "\n".join(lines) == AT_120


def test_no_line_is_longer_than_the_terminal(teller):
    for epochs in (0, 1, 30, 200, 342):
        progress = story(teller, epochs)
        for width in range(20, 121, 7):
            for height in (5, 10, 15, 24, 50):
                lines = table(progress, width=width, height=height, now=112.0)
                assert max(len(line) for line in lines) <= width


def test_a_low_terminal_loses_the_space_first_and_the_counts_never(teller):
    progress = story(teller)
    for height in range(8, 40):
        lines = table(progress, width=80, height=height, now=112.0)
        assert len(lines) < height
        assert "done   26 of 46 trials   96 of 342 epochs   1 failed   1:52, 4:46 left" in lines
    assert table(progress, width=80, height=16, now=112.0) == [
        "gru-bohb on spoken-arabic-digits                          run 1121-gru-bohb-7f3a",
        "plan   46 trials, 342 epochs, 4 brackets, 2 at a time                about 7 min",
        "",
        "epochs     1             3           9           27",
        "bracket 0  26 of 27      9 of 9      3 of 3      -",
        "bracket 1                7 of 9      -           -",
        "bracket 2                            -           -",
        "bracket 3                                        -",
        "",
        "best   trial 0  valid_loss 0.2085  accuracy 0.896  epoch 22",
        "       num_layers 1  hidden_size 16  learning_rate 0.0001  batch_size 64",
        "       0.7071 ██████████▅▅▅▅▅▅▄▃▃▃▃▃▃▃▂▂▂▂▁▁▁▁ 0.2085 over 96 epochs",
        "now    trial 0 epoch 23 of 27   trial 34 epoch 1 of 3        2 of 2 workers busy",
        "done   26 of 46 trials   96 of 342 epochs   1 failed   1:52, 4:46 left",
        "failed trial 12: valid_loss is not finite",
    ]


def test_a_curve_that_falls_by_more_than_ten_is_drawn_on_a_log_scale(teller):
    spec = teller.spec(trials=1, epochs=27, scheduler="fifo")
    progress = teller.followed(spec, teller.told(spec, epochs=0))
    progress.epochs, progress.best = 4, teller.followed(spec, teller.told(spec, epochs=1)).best
    progress.incumbents = [(1, 1000.0), (2, 100.0), (3, 10.0), (4, 1.0)]
    lines = table(progress, width=80, height=40, now=112.0)
    assert "       1000 █▆▃▁ 1.000 over 4 epochs" in lines
    progress.incumbents = [(1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0)]
    lines = table(progress, width=80, height=40, now=112.0)
    assert "       4.000 █▆▃▁ 1.000 over 4 epochs" in lines
    progress.incumbents = [(1, -1000.0), (2, -1.0), (3, -1.0), (4, -1.0)]
    assert any("-1000" in line for line in table(progress, width=80, height=40, now=112.0))


def test_each_line_goes_in_the_order_of_its_worth(teller):
    progress = story(teller)
    progress.split, progress.warning = "stratified", "speakers are in both parts"

    def shown(height, width=80):
        lines = table(progress, width=width, height=height, now=112.0, machine="1.8 of 2 cores",
                      footer="Ctrl-C ends this view")  # fmt: skip
        assert len(lines) < height
        words = [line[:7].strip() for line in lines if line[:7].strip()]
        return list(dict.fromkeys(words))

    everything = ["gru-boh", "plan", "split", "care", "space", "epochs", "bracket", "best", "now",
                  "done", "busy", "failed", "keys"]  # fmt: skip
    assert shown(24) == everything
    without = [word for word in everything if word not in {"split", "care"}]
    assert shown(22) == without
    without.remove("space")
    assert shown(19) == without
    assert shown(17) == without  # the curve went
    del without[-1], without[-2]
    assert shown(16) == without
    few = ["gru-boh", "plan", "epochs", "bracket", "more", "best", "now", "done", "failed"]
    assert shown(12) == few
    assert shown(8) == ["gru-boh", "plan", "best", "now", "done", "failed"]
    assert shown(5) == ["now", "done", "failed"]
    assert shown(12, width=60)[-3:] == ["now", "done", "failed"]


def test_before_the_workers_stand_it_says_so_and_gives_no_estimate(teller):
    lines = table(story(teller, 0, live=False), width=80, height=40, now=3.0)
    assert lines[-3:] == [
        "best   no result yet",
        "now    starting workers, 0:03",
        "done   0 of 46 trials   0 of 342 epochs",
    ]


def test_the_first_estimate_is_a_question_mark(teller):
    lines = table(story(teller, 1), width=80, height=40, now=3.0)
    assert lines[-1] == "done   0 of 46 trials   1 of 342 epochs   0:03, ? left"
    assert lines[1] == "plan   46 trials, 342 epochs, 4 brackets, 2 at a time"


def test_stopping_is_said_in_place_of_what_runs(teller):
    lines = table(story(teller), width=80, height=40, now=112.0, stopping=True)
    assert "now    stopping, with everything kept; Ctrl-C again ends it at once" in lines
    assert not any("workers busy" in line for line in lines)


def test_a_scheduler_with_one_bracket_counts_trials(teller):
    spec = teller.spec("gru-asha", trials=400)
    progress = teller.followed(spec, teller.told(spec, epochs=600, workers=9), workers=9)
    lines = table(progress, width=80, height=40, now=112.0)
    assert lines[1] == (
        "plan   400 trials, about 1,200 epochs (at most 10,800), 9 at a time  about 3 min"
    )
    assert lines[6:8] == [
        "epochs  1               3               9             27",
        "trials  279 of 400      88 of 133       20 of 44      1 of 15",
    ]
    assert lines[-3:] == [
        "now    trial 230 epoch 15 of 27   trial 268 epoch 5 of 9     6 of 9 workers busy",
        "       trial 276 epoch 3 of 3   trial 279 epoch 1 of 1   and 2 more",
        "done   276 of 400 trials   600 of about 1,200 epochs   1:52, 0:58 left",
    ]


def test_of_many_brackets_those_under_way_are_shown(teller):
    spec = teller.spec(trials=1000)
    progress = teller.followed(spec, teller.told(spec, epochs=3000, workers=9), workers=9)
    assert table(progress, width=80, height=40, now=112.0)[6:14] == [
        "epochs      1             3           9           27",
        "bracket 33                9 of 9      3 of 3      -",
        "bracket 34                            6 of 6      -",
        "bracket 35                                        -",
        "bracket 36  7 of 27       -           -           -",
        "bracket 37                -           -           -",
        "bracket 38                            -           -",
        "more        33 finished, 47 to come",
    ]


def test_the_estimate_of_a_check_stands_until_the_workers_know_better(teller):
    early = table(story(teller, 1, estimate=600.0, check="6 configs"), width=80, height=40, now=3.0)
    assert early[1:3] == [
        "plan   46 trials, 342 epochs, 4 brackets, 2 at a time               about 10 min",
        "check  6 configs",
    ]
    late = table(story(teller, estimate=600.0), width=80, height=40, now=112.0)
    assert late[1].endswith("  about 7 min")


def test_a_trial_that_starts_over_is_noted_until_it_is_over(teller):
    from orchestrator.engine.records import TrialEnded, TrialResumed

    progress = story(teller)
    number = progress.running[0].number
    progress.note(TrialResumed(number, 2, 27, False, 200.0, "the worker died", afresh=True))
    lines = table(progress, width=80, height=40, now=112.0)
    assert lines[-1] == f"note   trial {number} starts over: the worker died"
    progress.note(TrialEnded(number, "failed", "loss became nan", 201.0))
    assert not any(line.startswith("note") for line in table(
        progress, width=80, height=40, now=112.0))  # fmt: skip
