"""How a network is trained, searched together with its architecture."""

from __future__ import annotations

from searchspaces.domains import Float, Int
from searchspaces.params import FloatParam, IntParam
from searchspaces.space import SearchSpace


class Training(SearchSpace):
    """Search space of the training: Adam's first learning rate and the size of a batch."""

    learning_rate: FloatParam = Float(1e-4, 1e-1, log=True)
    batch_size: IntParam = Int(16, 256, powers_of=2)
