"""The MLP classifier's space."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from searchspaces.conditions import MORE_THAN_ONE
from searchspaces.domains import Choice, Float, Int
from searchspaces.limits import CountParam, DropoutParam, one_of
from searchspaces.params import ChoiceParam
from searchspaces.space import SearchSpace

_POOLINGS = ("mean", "max", "min", "mean+max")


class MlpSpace(SearchSpace):
    """A multilayer perceptron over means or extremes of a series.

    ``depth`` counts hidden layers: the first has ``h1`` units, each further one ``h2``,
    so that ``h2`` is inactive in a network of one hidden layer. ``mean+max`` gives the
    first layer both, side by side.
    """

    more_than_one: ClassVar[str] = "depth"

    h1: CountParam = Int(16, 256, log=True)
    h2: CountParam = Int(16, 256, log=True, when={"depth": MORE_THAN_ONE})
    depth: CountParam = Int(1, 4)
    dropout: DropoutParam = Float(0.0, 0.5)
    pooling: Annotated[ChoiceParam, AfterValidator(one_of(*_POOLINGS))] = Choice(_POOLINGS)
