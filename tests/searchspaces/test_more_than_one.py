"""What needs more than one layer is there with more than one, whatever range the layers have."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from orchestrator.spec import SweepSpec, spec_from
from searchspaces import (
    ConfigurationError,
    ConvGruSpace,
    Float,
    FloatParam,
    GruSpace,
    Int,
    IntParam,
    JointSpace,
    LstmSpace,
    MlpSpace,
    RnnSpace,
    SearchSpace,
    Training,
)

LAYERED = [
    (GruSpace, "num_layers", "dropout"),
    (LstmSpace, "num_layers", "dropout"),
    (RnnSpace, "num_layers", "dropout"),
    (ConvGruSpace, "num_layers", "dropout"),
    (MlpSpace, "depth", "h2"),
]
layered = pytest.mark.parametrize(("kind", "parent", "child"), LAYERED)


def _line(space: SearchSpace) -> str:
    return JointSpace(space, Training()).describe()[0]


@layered
@pytest.mark.parametrize(
    "layers", [Int(1, 2), Int(1, 3), Int(1, 6), Int(1, 9, step=4), Int(1, 64, powers_of=2)]
)
def test_it_is_there_with_more_than_one_layer_of_any_range(
    kind: type[SearchSpace], parent: str, child: str, layers: Int
) -> None:
    space = kind(**{parent: layers})
    rng = np.random.default_rng(0)
    seen = set()
    for config in (space.sample(rng) for _ in range(100)):
        assert (child in config) == (config[parent] > 1)
        assert space.validate(dict(config)) == config
        seen.add(config[parent])
    assert {1, layers.value_at(layers.size - 1)} <= seen
    assert f"{child} {'0..0.5' if child == 'dropout' else '16..256 log'} if {parent} " in _line(
        space
    )


@layered
def test_a_space_that_was_widened_is_written_and_read_alike(
    kind: type[SearchSpace], parent: str, child: str
) -> None:
    space = kind(**{parent: {"low": 1, "high": 6}})
    written = space.model_dump(mode="json")
    assert written[child]["when"] == {parent: [2, 3, 4]}
    again = kind.model_validate(written)
    assert again == space
    assert again.parameters() == space.parameters()


@layered
@pytest.mark.parametrize("layers", [6, Int(6, 6), Int(5, 8)])
def test_it_is_always_there_where_there_are_always_several_layers(
    kind: type[SearchSpace], parent: str, child: str, layers: int | Int
) -> None:
    space = kind(**{parent: layers})
    config = space.sample(np.random.default_rng(0))
    assert child in config
    assert space.validate(dict(config)) == config


@layered
@pytest.mark.parametrize("layers", [1, Int(1, 1)])
def test_it_is_never_there_with_one_layer(
    kind: type[SearchSpace], parent: str, child: str, layers: int | Int
) -> None:
    space = kind(**{parent: layers})
    assert child not in space.sample(np.random.default_rng(0))
    assert child not in _line(space)


def test_a_copy_with_more_layers_knows_them() -> None:
    copy = GruSpace().model_copy(update={"num_layers": Int(1, 6)})
    assert copy.parameters() == GruSpace(num_layers=Int(1, 6)).parameters()


def test_people_read_what_the_condition_is() -> None:
    assert _line(GruSpace(num_layers=Int(1, 6))).endswith("dropout 0..0.5 if num_layers > 1")
    assert "h2 16..256 log if depth > 1" in _line(MlpSpace(depth=Int(1, 8)))
    with pytest.raises(ConfigurationError) as caught:
        GruSpace(num_layers=Int(1, 6)).validate(
            {"num_layers": 1, "hidden_size": 64, "dropout": 0.1}
        )
    assert str(caught.value) == (
        "dropout: a value is given, but it needs num_layers = 2|3|4|5|6, not 1. Leave it out."
    )


@pytest.mark.parametrize("own", [(2,), (3, 4), (2, 3, 4, 5)])
def test_a_condition_that_somebody_wrote_stays(own: tuple[int, ...]) -> None:
    dropout = Float(0.0, 0.3, when={"num_layers": own})
    space = GruSpace(num_layers=Int(1, 6), dropout=dropout)
    assert space.parameters()["dropout"] == dropout


def test_a_space_that_says_nothing_about_layers_means_what_it_lists() -> None:
    class Listed(SearchSpace):
        num_layers: IntParam = Int(1, 4)
        dropout: FloatParam = Float(0.0, 0.5, when={"num_layers": (2, 3, 4)})

    assert Listed(num_layers=Int(1, 6)).parameters()["dropout"] == Listed().dropout


def test_ones_own_space_may_say_that_it_has_layers() -> None:
    class Own(SearchSpace):
        more_than_one: ClassVar[str] = "blocks"

        blocks: IntParam = Int(1, 4)
        gap: IntParam = Int(1, 3, when={"blocks": (2, 3, 4)})

    assert Own(blocks=Int(1, 5)).size == 1 + 4 * 3


def test_more_values_than_can_be_listed_are_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        GruSpace(num_layers=Int(1, 2**40))
    assert str(caught.value) == (
        "GruSpace.num_layers: 1,099,511,627,776 values are too many for dropout, which depends "
        "on them. Give at most 1,000."
    )


WRITTEN = {"kind": "float", "low": 0.0, "high": 0.5, "when": {"num_layers": [2, 3, 4]}}


@pytest.mark.parametrize(
    "changes",
    [
        ({"num_layers": {"high": 6}},),
        ({"dropout": WRITTEN}, {"num_layers": {"high": 6}}),
        ({"dropout": WRITTEN, "num_layers": {"kind": "int", "low": 1, "high": 6}},),
    ],
)
def test_a_sweep_whose_layers_are_widened_has_dropout_in_all(changes: Any) -> None:
    values = [{"space": change} for change in changes]
    spec = spec_from({"architecture": "gru", "strategy": "random"}, *values)
    again = spec_from(spec.dump())
    assert again == spec
    for found in (spec, again, _widened(again, 8)):
        high = found.space.parameters()["num_layers"].high  # type: ignore[union-attr]
        assert found.joint.validate(
            {"num_layers": high, "hidden_size": 16, "dropout": 0.2, "learning_rate": 0.01,
             "batch_size": 16}
        )["dropout"] == 0.2  # fmt: skip
        assert "dropout 0..0.5 if num_layers > 1" in found.joint.describe()[0]


def _widened(spec: SweepSpec, high: int) -> SweepSpec:
    return spec_from(spec.dump(), {"space": {"num_layers": {"high": high}}})


@layered
@pytest.mark.parametrize("layers", [3, Int(2, 4), Int(5, 8)])
def test_a_condition_that_always_holds_is_not_spoken_of(
    kind: type[SearchSpace], parent: str, child: str, layers: Any
) -> None:
    assert f"if {parent}" not in _line(kind(**{parent: layers}))
    assert child in _line(kind(**{parent: layers}))
