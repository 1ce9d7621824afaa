"""The GRU with self-attention over its outputs."""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention

from searchspaces.attention_gru import AttentionGruSpace
from searchspaces.config import Config
from searchspaces.facts import DataFacts
from trainables.architectures._recurrent import recurrent_weights
from trainables.architectures.base import Architecture
from trainables.pooling import POOLINGS, last_valid, padding


class AttentionGru(Architecture):
    """GRU layers, multi-head self-attention over their outputs, a readout and a linear head.

    What attention gives is dropped out, added to the GRU's output and normalised over its
    units. Every valid step is attended to and padding never is. The ``last`` readout asks
    with the last valid step alone, so that its cost grows with the steps, not their square.

    Source: Vaswani et al., Attention Is All You Need, NeurIPS 2017, section 3.2.
    """

    space = AttentionGruSpace

    def __init__(self, config: Config, facts: DataFacts) -> None:
        super().__init__(config, facts)
        layers, size, dropout = config["num_layers"], config["hidden_size"], config["dropout"]
        self.heads, self.readout = config["num_heads"], config["readout"]
        self.recurrent = torch.nn.GRU(
            facts.features, size, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0
        )
        self.query = torch.nn.Linear(size, size)
        self.key_value = torch.nn.Linear(size, 2 * size)
        self.attended = torch.nn.Linear(size, size)
        self.drop = torch.nn.Dropout(dropout)
        self.norm = torch.nn.LayerNorm(size)
        self.head = torch.nn.Linear(size, facts.classes)

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of ``values`` (batch, steps, features)."""
        behind = padding(lengths, values.shape[1])  # (batch, steps, 1)
        # A weight of 0 does not hide a value of NaN, so padding must be finite throughout.
        outputs, _ = self.recurrent(values.masked_fill(behind, 0.0))  # (batch, steps, size)
        if self.readout == "last":
            asking = last_valid(outputs, lengths).unsqueeze(1)  # (batch, 1, size)
            summary = self._attend(asking, outputs, behind).squeeze(1)
        else:
            summary = POOLINGS[self.readout](self._attend(outputs, outputs, behind), lengths)
        logits: torch.Tensor = self.head(summary)
        return logits

    def _attend(
        self, asking: torch.Tensor, outputs: torch.Tensor, behind: torch.Tensor
    ) -> torch.Tensor:
        """(batch, asking steps, size): each asking step with what it attends to."""
        key, value = self.key_value(outputs).chunk(2, dim=2)
        found = scaled_dot_product_attention(
            self._split(self.query(asking)),
            self._split(key),
            self._split(value),
            attn_mask=~behind.squeeze(2)[:, None, None, :],  # (batch, 1, 1, steps)
        )
        joined = found.transpose(1, 2).flatten(2)  # (batch, asking steps, size)
        normal: torch.Tensor = self.norm(asking + self.drop(self.attended(joined)))
        return normal

    def _split(self, values: torch.Tensor) -> torch.Tensor:
        """(batch, heads, steps, size of a head)."""
        batch, steps, size = values.shape
        return values.reshape(batch, steps, self.heads, size // self.heads).transpose(1, 2)

    @classmethod
    def weights(cls, config: Config, facts: DataFacts) -> int:
        """The GRU; four square matrices with biases, scale and shift of the norm; the head."""
        size = config["hidden_size"]
        attention = 4 * size * (size + 1) + 2 * size
        return recurrent_weights(config, facts.features, 3) + int(
            attention + (size + 1) * facts.classes
        )
