"""The Elman network's space."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from searchspaces.conditions import MORE_THAN_ONE
from searchspaces.domains import Choice, Float, Int
from searchspaces.limits import CountParam, DropoutParam, ReadoutParam, SwitchParam, one_of
from searchspaces.params import ChoiceParam
from searchspaces.space import SearchSpace


class RnnSpace(SearchSpace):
    """Plain recurrent layers after Elman, in one or both directions.

    Dropout acts between layers, so it needs two.
    """

    more_than_one: ClassVar[str] = "num_layers"

    num_layers: CountParam = Int(1, 4)
    hidden_size: CountParam = Int(16, 256, log=True)
    dropout: DropoutParam = Float(0.0, 0.5, when={"num_layers": MORE_THAN_ONE})
    nonlinearity: Annotated[ChoiceParam, AfterValidator(one_of("tanh", "relu"))] = Choice(
        ("tanh", "relu")
    )
    bidirectional: SwitchParam = Choice((False, True))
    readout: ReadoutParam = Choice(("last", "mean", "max"))
