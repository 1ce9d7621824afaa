"""Sizes, shares and names that no network could be built from are refused with the space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from searchspaces import (
    AttentionGruSpace,
    Choice,
    CnnSpace,
    ConfigurationError,
    ConvGruSpace,
    DataFacts,
    Float,
    GruSpace,
    Int,
    LstmSpace,
    MlpSpace,
    RnnSpace,
    SearchSpace,
)

SPACES = (AttentionGruSpace, CnnSpace, ConvGruSpace, GruSpace, LstmSpace, MlpSpace, RnnSpace)
DIGITS = DataFacts(features=8, classes=10, steps=8, channels=1)
SPEECH = DataFacts(features=13, classes=20, steps=93)


def complaint(space: type[SearchSpace], **fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        space(**fields)
    (error,) = caught.value.errors()
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"


@pytest.mark.parametrize("low", [0, -3])
@pytest.mark.parametrize("space", SPACES)
def test_nothing_is_counted_from_below_one(space: type[SearchSpace], low: int) -> None:
    counts = {"num_layers", "hidden_size", "h1", "h2", "depth", "filters", "num_heads", "pooling"}
    names = counts & space().parameters().keys() - ({"pooling"} if space is MlpSpace else set())
    assert len(names) > 1
    for name in names:
        said = f"{name}: {low} is too few. Give at least 1."
        assert complaint(space, **{name: low}) == said
        assert complaint(space, **{name: Int(low, 4)}) == said


@pytest.mark.parametrize("space", SPACES)
def test_a_dropout_is_a_share(space: type[SearchSpace]) -> None:
    assert complaint(space, dropout=1.5) == "dropout: 1.5 is no share. Give a number from 0 to 1."
    assert complaint(space, dropout=Float(-0.1, 0.5)) == (
        "dropout: -0.1 is no share. Give a number from 0 to 1."
    )
    assert space(dropout=1).parameters()["dropout"] == 1.0


@pytest.mark.parametrize(
    ("space", "name", "wrong", "said"),
    [
        (GruSpace, "readout", "sum", "'sum' is not one of last, mean, max."),
        (RnnSpace, "readout", Choice(("last", "sum")), "'sum' is not one of last, mean, max."),
        (LstmSpace, "bidirectional", 1, "1 is not one of false, true."),
        (RnnSpace, "nonlinearity", "gelu", "'gelu' is not one of tanh, relu."),
        (MlpSpace, "pooling", "median", "'median' is not one of mean, max, min, mean+max."),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(
    space: type[SearchSpace], name: str, wrong: Any, said: str
) -> None:
    assert complaint(space, **{name: wrong}) == f"{name}: {said}"


@pytest.mark.parametrize(
    "kernel", [4, Int(3, 9), Int(3, 9, step=3), Int(4, 8, step=2), Int(2, 8, powers_of=2)]
)
@pytest.mark.parametrize("space", [CnnSpace, ConvGruSpace])
def test_a_kernel_without_a_middle_is_refused(space: type[SearchSpace], kernel: Any) -> None:
    assert complaint(space, kernel_size=kernel) == (
        "kernel_size: an even kernel has no middle. Give odd numbers, such as low=3 and step=2."
    )


@pytest.mark.parametrize(
    "kernel", [1, 5, Int(3, 3), Int(3, 8, step=2), Int(1, 27, powers_of=3), Int(3, 11, step=4)]
)
def test_odd_kernels_are_taken(kernel: Any) -> None:
    space = ConvGruSpace(kernel_size=kernel)
    rng = np.random.default_rng(0)
    assert all(space.sample(rng)["kernel_size"] % 2 == 1 for _ in range(20))


@pytest.mark.parametrize(
    ("space", "facts"),
    [
        (space, facts)
        for space in SPACES
        for facts in (None, DIGITS, SPEECH)
        if facts is None or not space().refuses(facts)
    ],
)
def test_every_draw_of_a_default_space_is_a_config_of_it(
    space: type[SearchSpace], facts: DataFacts | None
) -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        config = space().sample(rng, facts)
        assert space().validate(config, facts) == config


def test_the_searched_parameters_of_the_default_gru_stay_three() -> None:
    assert GruSpace().cube().names == ("num_layers", "hidden_size", "dropout")
    assert dict(GruSpace().validate({"num_layers": 1, "hidden_size": 64})) == {
        "num_layers": 1, "hidden_size": 64, "bidirectional": False, "readout": "last",
    }  # fmt: skip


def test_heads_divide_every_hidden_size_that_is_drawn() -> None:
    space = AttentionGruSpace()
    cube, rng = space.cube(), np.random.default_rng(2)
    # Not by rejection: every point of the cube is a valid config.
    assert all(space.permits(cube.from_unit(rng.random(cube.dimensions))) for _ in range(200))
    odd = AttentionGruSpace(hidden_size=Int(16, 40), num_heads=Int(1, 6))
    for _ in range(100):
        config = odd.sample(rng)
        assert config["hidden_size"] % config["num_heads"] == 0


def test_heads_that_do_not_divide_are_refused_by_name() -> None:
    space = AttentionGruSpace(num_heads=3, num_layers=1, dropout=0.0, readout="last")
    with pytest.raises(ConfigurationError) as caught:
        space.validate({"hidden_size": 64})
    assert str(caught.value) == (
        "heads_divide_hidden_size: hidden_size must be a multiple of num_heads. Got "
        "Config(num_layers=1, hidden_size=64, num_heads=3, dropout=0.0, readout='last')."
    )


@pytest.mark.parametrize(
    ("rows", "columns", "deepest"), [(8, 8, 3), (28, 28, 4), (2, 30, 1), (16, 15, 3)]
)
def test_an_image_is_halved_as_often_as_it_can_be(rows: int, columns: int, deepest: int) -> None:
    facts = DataFacts(features=columns * 3, classes=2, steps=rows, channels=3)
    space, rng = CnnSpace(), np.random.default_rng(1)
    assert facts.width == columns
    assert {space.sample(rng, facts)["depth"] for _ in range(200)} == {*range(1, deepest + 1)}
    values = {"filters": 8, "kernel_size": 3, "dropout": 0.0}
    deeper = CnnSpace(depth=Int(1, 6))
    assert deeper.validate({"depth": deepest, **values}, facts)["depth"] == deepest
    with pytest.raises(ConfigurationError) as caught:
        deeper.validate({"depth": deepest + 1, **values}, facts)
    assert str(caught.value).startswith(
        "image_outlasts_the_halvings: An image must have at least 2**depth rows and columns, as "
        "each block halves it. Got Config("
    )


def test_spaces_of_series_take_images_too_and_the_cnn_images_only() -> None:
    for space in SPACES:
        assert space().refuses(DIGITS) == ""
        series = "it takes images, and these are series" if space is CnnSpace else ""
        assert space().refuses(SPEECH) == series


def test_the_cnn_says_why_it_refuses_images() -> None:
    assert CnnSpace().refuses(DataFacts(features=1, classes=2, steps=9, channels=1)) == (
        "images of 9 x 1 pixels can be halved 0 times, and depth is at least 1"
    )
    assert CnnSpace(depth=Int(4, 5)).refuses(DIGITS) == (
        "images of 8 x 8 pixels can be halved 3 times, and depth is at least 4"
    )
    assert CnnSpace().refuses(DataFacts(features=8, classes=2, steps=8, channels=3)) == (
        "8 features are no whole pixels of 3 channels"
    )
