"""The image classifier's space."""

from __future__ import annotations

from searchspaces.config import Config
from searchspaces.constraints import constraint
from searchspaces.domains import Float, Int
from searchspaces.facts import DataFacts
from searchspaces.limits import CountParam, DropoutParam, KernelParam, lowest
from searchspaces.space import SearchSpace


class CnnSpace(SearchSpace):
    """Convolutions over images, each halving height and width.

    ``depth`` blocks of a convolution, 2 x 2 pooling and dropout. An image of 8 x 8 pixels
    takes three of them, one of 28 x 28 four.
    """

    depth: CountParam = Int(1, 4)
    filters: CountParam = Int(8, 64, log=True)
    kernel_size: KernelParam = Int(3, 7, step=2)
    dropout: DropoutParam = Float(0.0, 0.5)

    @constraint
    def image_outlasts_the_halvings(self, config: Config, facts: DataFacts | None) -> bool:
        """An image must have at least 2**depth rows and columns, as each block halves it."""
        return facts is None or bool(config["depth"] <= _halvings(facts))

    def refuses(self, facts: DataFacts) -> str:
        """Series are refused, and images too small for the least ``depth``."""
        if not facts.channels:
            return "it takes images, and these are series"
        if facts.features % facts.channels:
            return f"{facts.features} features are no whole pixels of {facts.channels} channels"
        least, most = lowest(self.depth), _halvings(facts)
        if least > most:
            size = f"{facts.steps} x {facts.width} pixels"
            return f"images of {size} can be halved {most} times, and depth is at least {least}"
        return ""


def _halvings(facts: DataFacts) -> int:
    """How often the shorter side can be halved before less than one pixel is left."""
    return max(min(facts.steps, facts.width), 1).bit_length() - 1
