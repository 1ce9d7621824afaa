"""The GRU classifier's space."""

from __future__ import annotations

from searchspaces.domains import Float, Int
from searchspaces.params import FloatParam, IntParam
from searchspaces.space import SearchSpace


class GruSpace(SearchSpace):
    """Search space of the GRU classifier; dropout acts between layers, so it needs two."""

    num_layers: IntParam = Int(1, 4)
    hidden_size: IntParam = Int(16, 256, log=True)
    dropout: FloatParam = Float(0.0, 0.5, when={"num_layers": (2, 3, 4)})
