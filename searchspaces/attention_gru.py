"""The GRU's space with self-attention over its outputs."""

from __future__ import annotations

from searchspaces.config import Config
from searchspaces.constraints import constraint
from searchspaces.domains import Choice, Float, Int
from searchspaces.facts import DataFacts
from searchspaces.limits import CountParam, DropoutParam, ReadoutParam
from searchspaces.space import SearchSpace


class AttentionGruSpace(SearchSpace):
    """GRU layers, then self-attention with several heads.

    Both sizes are powers of two by default, so that ``num_heads`` divides ``hidden_size`` and
    no draw is wasted; other domains are held to the constraint. Dropout acts between GRU
    layers and on what attention gives.
    """

    num_layers: CountParam = Int(1, 4)
    hidden_size: CountParam = Int(16, 256, powers_of=2)
    num_heads: CountParam = Int(1, 8, powers_of=2)
    dropout: DropoutParam = Float(0.0, 0.5)
    readout: ReadoutParam = Choice(("last", "mean"))

    @constraint
    def heads_divide_hidden_size(self, config: Config, facts: DataFacts | None) -> bool:  # noqa: ARG002  # no facts needed
        """hidden_size must be a multiple of num_heads."""
        return bool(config["hidden_size"] % config["num_heads"] == 0)
