"""Plain lines: what a pipe, a file or a CI log gets."""

from __future__ import annotations

from orchestrator.cli.view.plain import PlainView
from orchestrator.engine.records import EpochReported, Opened, TrialResumed, TrialStarted

HEAD = [
    "gru-bohb-fifo on digits                              run 1121-gru-bohb-fifo-7f3a",
    "plan   3 trials, 9 epochs, 2 at a time",
    "space  num_layers 1..4, hidden_size 16..256 log,",
    "       dropout 0..0.5 if num_layers > 1",
    "       learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2",
]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def view_of(teller, stopping=bool):
    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    lines = []
    clock = Clock()
    view = PlainView(teller.outline(spec), lines.append, stopping, clock)
    return view, lines, clock, teller.told(spec, failing={1: 2})


def test_a_line_a_trial_with_its_config(teller):
    view, lines, _, records = view_of(teller)
    view.tick()
    for record in records:
        view.note(record)
    assert lines == [
        *HEAD,
        "trial 1  failed     valid_loss is not finite  num_layers 2  hidden_size 21  "
        "dropout 0.25  learning_rate 0.0002  batch_size 64",
        "trial 0  completed  valid_loss 0.5000  3 epochs   0:02  num_layers 1  hidden_size 16  "
        "learning_rate 0.0001  batch_size 64",
        "trial 2  completed  valid_loss 0.8696  3 epochs   0:02  num_layers 3  hidden_size 26  "
        "dropout 0.25  learning_rate 0.0003  batch_size 64",
    ]


def test_trials_of_earlier_processes_are_not_told_again(teller):
    view, lines, _, records = view_of(teller)
    view.note(Opened(1.0, "here", 1, {}))
    cut = next(i for i, record in enumerate(records) if getattr(record, "verdict", None)) + 1
    for record in records[:cut]:
        view.note(record)
    view.tick()
    assert lines == [*HEAD, "goes on after 2 of 3 trials, 4 of 9 epochs"]
    for record in records[cut:]:
        view.note(record)
    assert [line[:7] for line in lines[6:]] == ["trial 2"]


def onlooker(teller, records):
    """A view of a run that another process has, which has told these records."""
    from orchestrator.cli.view.progress import Progress

    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    progress = Progress(teller.outline(spec), onlooker=True, began=100.0, created=teller.began + 5)
    clock = Clock()
    clock.now = 100.0
    for record in records:
        progress.note(record)
    lines = []
    return PlainView(progress.outline, lines.append, clock=clock, progress=progress), lines


def test_an_onlooker_is_told_how_far_it_is_and_then_what_ends(teller):
    records = teller.told(teller.spec(trials=3, epochs=3, scheduler="fifo"), failing={1: 2})
    opened = Opened(teller.began - 2, "here", 1, {}, "stratified: 360 of 1438 series held out")
    view, lines = onlooker(teller, [opened, *records[:4]])
    view.tick()
    assert lines == [
        *HEAD,
        "split  stratified: 360 of 1438 series held out",
        "0 of 3 trials, 2 of 9 epochs  best trial 0 valid_loss 0.7071  0:07, ? left",
    ]
    view.note(records[4])
    view.note(records[5])
    view.tick()
    assert [line[:15] for line in lines[7:]] == ["trial 1  failed"]


def test_an_onlooker_is_told_that_another_process_goes_on(teller):
    records = teller.told(teller.spec(trials=3, epochs=3, scheduler="fifo"))
    view, lines = onlooker(
        teller, [Opened(teller.began - 2, "here", 1, {}, "stratified"), *records[:4]]
    )
    view.tick()
    view.note(Opened(2_000_000.0, "here", 2, {}, "stratified"))
    assert lines[-1] == "another process goes on after 0 of 3 trials, 2 of 9 epochs"
    assert lines.count("split  stratified") == 1


def test_lines_that_nobody_reads_are_not_written(teller):
    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    written = []
    view = PlainView(teller.outline(spec), lambda line: written.append(line) or len(written) < 7)
    view.tick()
    for record in teller.told(spec):
        view.note(record)
    assert len(written) == 7
    assert view.lost
    assert view.progress.epochs == 9


def test_while_nothing_ends_a_line_now_and_then_says_how_far_it_is(teller):
    view, lines, clock, records = view_of(teller)
    view.tick()
    for record in records[:4]:
        view.note(record)
    clock.now = 29.0
    view.tick()
    assert lines == HEAD
    clock.now = 31.0
    view.tick()
    line = "0 of 3 trials, 2 of 9 epochs  best trial 0 valid_loss 0.7071  0:31, ? left"
    assert lines == [*HEAD, line]
    clock.now = 90.0
    view.tick()
    assert lines == [*HEAD, line]


def test_stopping_is_said(teller):
    view, lines, _, _ = view_of(teller, stopping=lambda: True)
    view.tick()
    assert lines[-1] == "stopping, with everything kept; Ctrl-C again ends it at once"


def interrupted(view, *, live):
    """A view of trial 0 after its first epoch, in this process or in an earlier one."""
    if live:
        view.tick()
    view.note(TrialStarted(0, {"num_layers": 1}, 7, 0, 3, 1.0))
    view.note(EpochReported(0, 1, 1, {"valid_loss": 0.5}, 0.1, "here", 2.0))
    if not live:
        view.tick()


def test_a_trial_that_lost_its_worker_is_told_with_the_reason(teller):
    view, lines, _, _ = view_of(teller)
    interrupted(view, live=True)
    view.note(TrialResumed(0, 2, 3, False, 3.0, "the worker died"))
    view.note(TrialResumed(0, 3, 3, False, 4.0, "the checkpoint is damaged", afresh=True))
    assert lines[len(HEAD) :] == [
        "trial 0 goes on in another worker: the worker died",
        "trial 0 starts over: the checkpoint is damaged",
    ]


def test_trials_that_go_on_after_their_process_are_told_together(teller):
    view, lines, _, _ = view_of(teller)
    interrupted(view, live=False)
    view.note(TrialResumed(0, 2, 3, False, 3.0, "the driver ended"))
    assert lines[len(HEAD) :] == ["goes on after 0 of 3 trials, 1 of 9 epochs"]


def test_a_trial_that_starts_over_after_its_process_is_told(teller):
    view, lines, _, _ = view_of(teller)
    interrupted(view, live=False)
    view.note(TrialResumed(0, 2, 3, False, 3.0, "the driver ended", afresh=True))
    assert lines[-1] == "trial 0 starts over: the driver ended"


def test_a_promotion_is_nothing_to_tell(teller):
    view, lines, _, _ = view_of(teller)
    interrupted(view, live=True)
    view.note(TrialResumed(0, 1, 3, True, 3.0))
    assert lines == HEAD


def test_a_trial_that_is_complete_by_itself_is_completed(teller):
    view, lines, _, _ = view_of(teller)
    interrupted(view, live=True)
    metrics = {"valid_loss": 0.4}
    view.note(EpochReported(0, 1, 2, metrics, 0.1, "here", 3.0, finished="no better for 1 epoch"))
    assert lines[-1].startswith("trial 0  completed  valid_loss 0.4000  2 epochs")


def test_the_check_and_its_estimate_stand_in_the_header(teller):
    from dataclasses import replace

    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    outline = replace(teller.outline(spec), check="6 configs, 0.3-2.1 s an epoch", estimate=360.0)
    lines = []
    PlainView(outline, lines.append)
    assert lines[1:3] == [
        "plan   3 trials, 9 epochs, 2 at a time                               about 6 min",
        "check  6 configs, 0.3-2.1 s an epoch",
    ]
