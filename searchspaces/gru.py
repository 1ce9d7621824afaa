"""The GRU classifier's space."""

from __future__ import annotations

from typing import ClassVar

from searchspaces.conditions import MORE_THAN_ONE
from searchspaces.domains import Float, Int
from searchspaces.limits import CountParam, DropoutParam, ReadoutParam, SwitchParam
from searchspaces.space import SearchSpace


class GruSpace(SearchSpace):
    """GRU layers, read out at the last step.

    Dropout acts between layers, so it needs two. ``bidirectional`` and ``readout`` are
    constants here; put a ``Choice`` in their place to search them, such as
    ``GruSpace(bidirectional=Choice((False, True)))``.
    """

    more_than_one: ClassVar[str] = "num_layers"

    num_layers: CountParam = Int(1, 4)
    hidden_size: CountParam = Int(16, 256, log=True)
    dropout: DropoutParam = Float(0.0, 0.5, when={"num_layers": MORE_THAN_ONE})
    bidirectional: SwitchParam = False
    readout: ReadoutParam = "last"
