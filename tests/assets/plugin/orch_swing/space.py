"""The space of the swing classifier."""

from searchspaces import Float, FloatParam, Int, IntParam, SearchSpace, constraint


class SwingSpace(SearchSpace):
    """Sums and differences over time, in a hidden layer."""

    width: IntParam = Int(4, 32, log=True)
    depth: IntParam = Int(1, 2)
    dropout: FloatParam = Float(0.0, 0.5, when={"depth": (2,)})

    @constraint
    def deep_is_wide(self, config, facts):
        """A deep network is at least 8 wide."""
        return config["depth"] == 1 or config["width"] >= 8
