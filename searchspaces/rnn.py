"""The Elman network's space."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from searchspaces.domains import Choice, Float, Int
from searchspaces.limits import CountParam, DropoutParam, ReadoutParam, SwitchParam, one_of
from searchspaces.params import ChoiceParam
from searchspaces.space import SearchSpace


class RnnSpace(SearchSpace):
    """Plain recurrent layers after Elman, in one or both directions.

    Dropout acts between layers, so it needs two.
    """

    num_layers: CountParam = Int(1, 4)
    hidden_size: CountParam = Int(16, 256, log=True)
    dropout: DropoutParam = Float(0.0, 0.5, when={"num_layers": (2, 3, 4)})
    nonlinearity: Annotated[ChoiceParam, AfterValidator(one_of("tanh", "relu"))] = Choice(
        ("tanh", "relu")
    )
    bidirectional: SwitchParam = Choice((False, True))
    readout: ReadoutParam = Choice(("last", "mean", "max"))
