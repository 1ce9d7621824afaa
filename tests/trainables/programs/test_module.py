"""A plain network of the user's, through orch's own training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from searchspaces import ConfigurationError, DataFacts, Int, IntParam, SearchSpace
from trainables import architectures
from trainables.architectures.base import Architecture
from trainables.programs.module import adapt


class WidthSpace(SearchSpace):
    width: IntParam = Int(2, 8)


class Plain(torch.nn.Module):
    """Means over time, then two layers."""

    space = WidthSpace

    def __init__(self, config: Any, facts: DataFacts) -> None:
        super().__init__()
        self.first = torch.nn.Linear(facts.features, config["width"])
        self.head = torch.nn.Linear(config["width"], facts.classes)

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        mean = values.sum(dim=1) / lengths[:, None]
        logits: torch.Tensor = self.head(torch.relu(self.first(mean)))
        return logits


class Spaceless(torch.nn.Module): ...


class Lone(torch.nn.Module):
    space = WidthSpace

    def __init__(self, width: int) -> None:
        super().__init__()


class Pair(Plain):
    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> Any:
        return super().forward(values, lengths), lengths


class Wrong(Plain):
    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return super().forward(values, lengths)[:, :1]


FACTS = DataFacts(features=3, classes=5, steps=4)
CONFIG = WidthSpace().validate({"width": 4})


def test_a_network_class_is_an_architecture_by_its_name() -> None:
    found = architectures.get(f"{__name__}:Plain")
    assert issubclass(found, Architecture)
    assert found is adapt(Plain)
    assert (found.__name__, found.space) == ("Plain", WidthSpace)
    assert found.weights(CONFIG, FACTS) == (3 + 1) * 4 + (4 + 1) * 5
    model = found(CONFIG, FACTS)
    assert sum(weight.numel() for weight in model.parameters()) == 41
    logits = model(torch.ones(2, 4, 3), torch.tensor([4, 2]))
    assert logits.shape == (2, 5)


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (Lone, "Lone cannot be made: too many positional arguments. "
               "Write __init__(self, config, facts)."),
        (Pair, "Pair gives a tuple. Return logits alone, a tensor of shape (batch, classes)."),
        (Wrong, "Wrong gives logits of shape (2, 1), and a batch of 2 series of 5 classes "
                "needs (2, 5)."),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_used_is_one_line(cls: Any, line: str) -> None:
    made: Any = adapt(cls)
    with pytest.raises(ConfigurationError) as failure:
        made(CONFIG, FACTS)(torch.ones(2, 4, 3), torch.tensor([4, 2]))
    assert str(failure.value) == line


def test_a_network_without_a_space_is_one_line() -> None:
    with pytest.raises(ConfigurationError, match=r"Spaceless has no attribute space\. Give"):
        adapt(Spaceless)
