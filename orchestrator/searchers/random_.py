"""Random search: every trial's config is drawn from the space, whatever came before."""

from __future__ import annotations

from typing import Literal

from orchestrator.searchers.base import Searcher
from searchspaces import Config


class RandomSearch(Searcher):
    """Independent draws from the space.

    Source: Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13 (2012).
    """

    kind: Literal["random"] = "random"

    def suggest(self, number: int) -> Config:
        """Draw from the space with the trial's own stream."""
        return self.space.sample(self.generator(number), self._facts)
