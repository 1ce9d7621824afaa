"""The MLP classifier's space."""

from __future__ import annotations

from searchspaces.domains import Float, Int
from searchspaces.params import FloatParam, IntParam
from searchspaces.space import SearchSpace


class MlpSpace(SearchSpace):
    """Search space of the MLP classifier.

    ``depth`` counts hidden layers: the first has ``h1`` units, each further one ``h2``,
    so that ``h2`` is inactive in a network of one hidden layer.
    """

    h1: IntParam = Int(16, 256, log=True)
    h2: IntParam = Int(16, 256, log=True, when={"depth": (2, 3, 4)})
    depth: IntParam = Int(1, 4)
    dropout: FloatParam = Float(0.0, 0.5)
