"""What every architecture must satisfy, as checks that any test suite can run.

    from trainables.testing import CHECKS, sampled_configs

    @pytest.mark.parametrize("check", CHECKS)
    @pytest.mark.parametrize("config", sampled_configs(Mine))
    def test_my_architecture_conforms(check, config):
        check(Mine, config)

Each check takes an architecture's class and a config, and raises AssertionError
with a line that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch

from searchspaces.config import Config
from searchspaces.facts import DataFacts
from searchspaces.joint import JointSpace
from searchspaces.training import Training
from trainables.architectures.base import Architecture
from trainables.checkpoint import decode, encode
from trainables.data.part import Part, SweepData
from trainables.learner import Learner, Task
from trainables.outcomes import EpochDone, Outcome

FACTS = DataFacts(features=5, classes=4, steps=12)
"""Sizes of the made-up series that the checks use."""

IMAGES = DataFacts(features=12, classes=4, steps=9, channels=2)
"""Sizes of the made-up images, 9 x 6 pixels, for architectures that take no series."""


def facts_for(architecture: type[Architecture]) -> DataFacts:
    """Sizes of made-up data that the architecture's space takes: series if it can.

    Raises:
        AssertionError: it refuses series and images.
    """
    space = architecture.space()
    reasons = {facts: space.refuses(facts) for facts in (FACTS, IMAGES)}
    for facts, reason in reasons.items():
        if not reason:
            return facts
    said = "; ".join(reasons.values())
    raise AssertionError(f"{type(space).__name__} refuses series and images: {said}")


def sampled_configs(architecture: type[Architecture], count: int = 6) -> list[Config]:
    """``count`` configs of the architecture's own space and :class:`Training`, always the same."""
    space, facts = JointSpace(architecture.space(), Training()), facts_for(architecture)
    return [space.sample(np.random.default_rng((7, index)), facts) for index in range(count)]


def made_up_data(*, train: int = 96, valid: int = 40, facts: DataFacts = FACTS) -> SweepData:
    """Series of all lengths, or images, whose class shows in their mean, always the same.

    Args:
        train: series to learn from.
        valid: series to measure on.
        facts: sizes.
    """
    draw = np.random.default_rng(11)
    centres = draw.normal(size=(facts.classes, facts.features))

    def part(series: int) -> Part:
        labels = np.arange(series) % facts.classes
        lengths = draw.integers(facts.steps if facts.channels else 1, facts.steps + 1, series)
        lengths[0] = facts.steps
        return Part.from_series(
            [
                centres[label] + draw.normal(scale=0.5, size=(length, facts.features))
                for label, length in zip(labels, lengths, strict=True)
            ],
            labels,
        )

    names = tuple(f"class {index}" for index in range(facts.classes))
    return SweepData(part(train), part(valid), facts, "made-up", "none", names)


def check_logits_have_a_row_per_series(architecture: type[Architecture], config: Config) -> None:
    """Logits are finite float32 of shape (batch, classes), for a batch of one too."""
    model = _model(architecture, config)
    for batch in (1, 9):
        logits = model(*_series(batch, model.facts))
        _require(
            logits.shape == (batch, model.facts.classes) and logits.dtype == torch.float32,
            f"logits are {tuple(logits.shape)} {logits.dtype} for a batch of {batch}",
        )
        _require(bool(logits.isfinite().all()), "logits are not finite")


def check_padding_never_changes_an_output(architecture: type[Architecture], config: Config) -> None:
    """More padding, and anything in it, even NaN, leaves the logits as they are."""
    model = _model(architecture, config)
    values, lengths = _series(9, model.facts)
    expected = model(values, lengths)
    for filling in (0.0, 1e3, float("nan")):
        # Another number of steps may take another order of summation: float32's last digits.
        _require(
            torch.allclose(
                model(_longer(values, lengths, filling), lengths), expected, rtol=1e-5, atol=1e-6
            ),
            f"padding of {filling} changes the logits",
        )


def check_padding_never_changes_a_gradient(
    architecture: type[Architecture], config: Config
) -> None:
    """More padding, and any number in it, leaves the gradients as they are."""
    model = _model(architecture, config)
    values, lengths = _series(9, model.facts)
    expected = _gradients(model, values, lengths)
    for filling in (0.0, 1e3):
        found = _gradients(model, _longer(values, lengths, filling), lengths)
        for name, gradient in expected.items():
            _require(
                torch.allclose(found[name], gradient, rtol=1e-4, atol=1e-6),
                f"padding of {filling} changes the gradient of {name}",
            )


def check_a_series_is_judged_alone(architecture: type[Architecture], config: Config) -> None:
    """A series has the same logits in any batch."""
    model = _model(architecture, config)
    values, lengths = _series(9, model.facts)
    together = model(values, lengths)
    for row in range(9):
        own = values[row : row + 1, : int(lengths[row])]
        alone = model(own, lengths[row : row + 1])
        _require(
            torch.allclose(alone[0], together[row], rtol=1e-5, atol=1e-6),
            "the logits of a series depend on the other series in its batch",
        )


def check_gradients_reach_all_weights(architecture: type[Architecture], config: Config) -> None:
    """Every weight tensor gets a finite gradient that is not all zero."""
    model = _model(architecture, config)
    gradients = _gradients(model, *_series(64, model.facts))
    for name, _ in model.named_parameters():
        gradient = gradients.get(name)
        _require(
            gradient is not None and bool(gradient.isfinite().all() and gradient.any()),
            f"no gradient reaches {name}",
        )


def check_weights_are_counted_right(architecture: type[Architecture], config: Config) -> None:
    """The closed form of ``weights`` is the number of weights in the network."""
    facts = facts_for(architecture)
    built = sum(weight.numel() for weight in architecture(config, facts).parameters())
    counted = architecture.weights(config, facts)
    _require(counted == built, f"weights() says {counted}, the network has {built}")


def check_a_restored_trial_goes_on_bit_for_bit(
    architecture: type[Architecture], config: Config
) -> None:
    """Frozen after an epoch and thawed elsewhere, the next two epochs are the same."""
    straight, paused = _learner(architecture, config), _learner(architecture, config)
    straight.run_epoch()
    paused.run_epoch()
    state = encode(paused.snapshot())
    _learner(architecture, config).run_epoch()  # another trial in between
    thawed = _learner(architecture, config)
    thawed.restore(decode(state))
    for epoch in (2, 3):
        expected, found = _metrics(straight.run_epoch()), _metrics(thawed.run_epoch())
        _require(expected == found, f"epoch {epoch} gave {found}, unpaused {expected}")
    same = encode(straight.snapshot()) == encode(thawed.snapshot())
    _require(same, "weights or optimizer differ after a pause")


CHECKS: tuple[Callable[[type[Architecture], Config], None], ...] = (
    check_logits_have_a_row_per_series,
    check_padding_never_changes_an_output,
    check_padding_never_changes_a_gradient,
    check_a_series_is_judged_alone,
    check_gradients_reach_all_weights,
    check_weights_are_counted_right,
    check_a_restored_trial_goes_on_bit_for_bit,
)
"""All checks."""


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise AssertionError(problem)


def _model(architecture: type[Architecture], config: Config) -> Architecture:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        return architecture(config, facts_for(architecture)).eval()


def _series(batch: int, facts: DataFacts) -> tuple[torch.Tensor, torch.Tensor]:
    """Values and lengths, from one step to all of them; of images always all."""
    draw = torch.Generator().manual_seed(5)
    values = torch.randn(batch, facts.steps, facts.features, generator=draw)
    lengths = torch.randint(1, facts.steps + 1, (batch,), generator=draw)
    lengths[-1] = 1
    lengths[0] = facts.steps
    if facts.channels:
        lengths.fill_(facts.steps)
    values[torch.arange(facts.steps) >= lengths.unsqueeze(1)] = 0.0
    return values, lengths


def _longer(values: torch.Tensor, lengths: torch.Tensor, filling: float) -> torch.Tensor:
    """The same series with six steps more, and ``filling`` in all padding."""
    batch, steps, features = values.shape
    longer = torch.zeros(batch, steps + 6, features)
    longer[:, :steps] = values
    longer[torch.arange(steps + 6) >= lengths.unsqueeze(1)] = filling
    return longer


def _gradients(
    model: Architecture, values: torch.Tensor, lengths: torch.Tensor
) -> dict[str, torch.Tensor]:
    """The gradient of each weight that has one."""
    model.zero_grad()
    labels = torch.arange(len(values)) % model.facts.classes
    torch.autograd.backward(torch.nn.functional.cross_entropy(model(values, lengths), labels))
    return {
        name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None
    }


@cache
def _task(facts: DataFacts) -> Task:
    return Task.of(made_up_data(train=48, valid=20, facts=facts))


def _learner(architecture: type[Architecture], config: Config) -> Learner:
    return Learner(architecture, config, _task(facts_for(architecture)), seed=13)


def _metrics(outcome: Outcome) -> dict[str, float]:
    if not isinstance(outcome, EpochDone):
        raise AssertionError(f"an epoch on easy data failed: {outcome.reason}")  # noqa: TRY004  # a failed check
    return {name: value for name, value in outcome.metrics.items() if name != "epoch_seconds"}
