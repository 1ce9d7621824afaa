"""The convolutional GRU's space."""

from __future__ import annotations

from typing import ClassVar

from searchspaces.conditions import MORE_THAN_ONE
from searchspaces.domains import Float, Int
from searchspaces.limits import CountParam, DropoutParam, KernelParam, ReadoutParam, SwitchParam
from searchspaces.space import SearchSpace


class ConvGruSpace(SearchSpace):
    """A convolution and pooling over time, then GRU layers.

    ``pooling`` is how many steps become one, their maximum; 1 keeps all. Dropout acts
    between GRU layers, so it needs two of them.
    """

    more_than_one: ClassVar[str] = "num_layers"

    filters: CountParam = Int(16, 128, log=True)
    kernel_size: KernelParam = Int(3, 9, step=2)
    pooling: CountParam = Int(1, 4)
    num_layers: CountParam = Int(1, 2)
    hidden_size: CountParam = Int(16, 256, log=True)
    dropout: DropoutParam = Float(0.0, 0.5, when={"num_layers": MORE_THAN_ONE})
    bidirectional: SwitchParam = False
    readout: ReadoutParam = "last"
