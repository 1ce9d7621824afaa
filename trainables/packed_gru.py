"""GRU layers for series of different lengths on the CPU: only valid steps are computed.

The series of a batch are sorted, longest first, and their valid steps laid out step by
step: the rows of step ``t`` are those of the series longer than ``t``, which are the first
ones of step ``t - 1``. So every step is a product of neighbouring rows, padding costs
nothing, and all steps' inputs, and all gradients of weights, are one product each.

Same numbers as ``torch.nn.GRU`` up to the last digits of float32, forward and backward;
:func:`packed_gru` takes its weights, so checkpoints are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch

Tensors = tuple[torch.Tensor | None, ...]


@dataclass(frozen=True)
class Packing:
    """Where the valid steps of a batch lie as rows.

    Attributes:
        rows: int64, (valid,): of the batch as (batch * steps, size), in packed order.
        before: int64, (valid - batch,): the packed row of the step before, from step 1 on.
        last: int64, (batch,): the packed row of each series' last valid step.
        sizes: series at each step, falling.
    """

    rows: torch.Tensor
    before: torch.Tensor
    last: torch.Tensor
    sizes: list[int]

    @classmethod
    def of(cls, lengths: torch.Tensor, steps: int) -> Self:
        """Pack series of ``lengths`` (int64, (batch,)) that are padded to ``steps``."""
        descending, order = lengths.sort(descending=True, stable=True)
        inside = torch.arange(steps).unsqueeze(1) < descending  # (steps, batch)
        sizes = inside.sum(dim=1)
        starts = sizes.cumsum(0) - sizes
        step, place = inside.nonzero(as_tuple=True)
        last = torch.empty_like(order)
        last[order] = starts[descending - 1] + torch.arange(len(order))
        rows = order[place] * steps + step
        later = step > 0
        before = starts[step[later] - 1] + place[later]
        return cls(rows, before, last, [size for size in sizes.tolist() if size])

    def padded(self, rows: torch.Tensor, steps: int) -> torch.Tensor:
        """Packed rows (valid, size) as (batch, steps, size), zeros for padding."""
        batch, size = self.sizes[0], rows.shape[1]
        empty = rows.new_zeros(batch * steps, size)
        return empty.index_copy(0, self.rows, rows).view(batch, steps, size)


class _Layer(torch.autograd.Function):
    """One GRU layer on packed rows; gates in torch's order: reset, update, new."""

    @staticmethod
    def forward(
        ctx: Any,
        values: torch.Tensor,
        weight_ih: torch.Tensor,
        weight_hh: torch.Tensor,
        bias_ih: torch.Tensor,
        bias_hh: torch.Tensor,
        packing: Packing,
    ) -> torch.Tensor:
        """Outputs (valid, hidden) of ``values`` (valid, inputs)."""
        size, sizes = weight_hh.shape[1], packing.sizes
        two = 2 * size
        gates = torch.addmm(bias_ih[:two] + bias_hh[:two], values, weight_ih[:two].t())
        new = torch.addmm(bias_ih[two:], values, weight_ih[two:].t())
        recurrent = values.new_empty(len(values), size)  # the new gate's share of the state
        outputs = values.new_empty(len(values), size)
        from_gates, from_new, bias = weight_hh[:two].t(), weight_hh[two:].t(), bias_hh[two:]
        state = values.new_zeros(sizes[0], size)
        for gate, fresh, part, output in zip(
            *(torch.split(tensor, sizes) for tensor in (gates, new, recurrent, outputs)),
            strict=True,
        ):
            state = state[: len(output)]
            gate.addmm_(state, from_gates).sigmoid_()
            torch.addmm(bias, state, from_new, out=part)
            fresh.addcmul_(gate[:, :size], part).tanh_()
            state = torch.lerp(fresh, state, gate[:, size:], out=output)
        ctx.packing = packing
        ctx.save_for_backward(values, weight_ih, weight_hh, gates, new, recurrent, outputs)
        return outputs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> Tensors:
        """Gradients of values, weights and biases."""
        values, weight_ih, weight_hh, gates, new, recurrent, outputs = ctx.saved_tensors
        sizes, size = ctx.packing.sizes, weight_hh.shape[1]
        reset, update = gates[:, :size], gates[:, size:]
        earlier = outputs.new_zeros(outputs.shape)
        torch.index_select(outputs, 0, ctx.packing.before, out=earlier[sizes[0] :])
        # What the state's gradient is multiplied by, for the four products' rows:
        # the new gate's recurrent share, reset, update, new.
        slopes = outputs.new_empty(len(outputs), 4, size)
        to_share, to_reset, to_update, to_new = slopes.unbind(1)
        torch.mul(1.0 - update, torch.addcmul(_one(new), new, new, value=-1.0), out=to_new)
        torch.mul(to_new, reset, out=to_share)
        torch.mul(to_share, recurrent, out=to_reset).mul_(1.0 - reset)
        torch.sub(earlier, new, out=to_update).mul_(update).mul_(1.0 - update)
        state = gradient.new_zeros(sizes[-1], size)
        turned = torch.cat([weight_hh[2 * size :], weight_hh[: 2 * size]])
        for slope, keep, given in zip(
            *(torch.split(tensor, sizes)[::-1] for tensor in (slopes, update, gradient)),
            strict=True,
        ):
            now = given.clone()
            now[: len(state)] += state
            slope.mul_(now.unsqueeze(1))
            state = now.mul_(keep).addmm_(slope[:, :3].flatten(1), turned)
        flat = slopes.flatten(1)
        into, through = flat[:, size:], flat[:, : 3 * size]
        grad_hh = through.t() @ earlier
        sums = flat.sum(0)
        return (
            into @ weight_ih if ctx.needs_input_grad[0] else None,
            into.t() @ values,
            torch.cat([grad_hh[size:], grad_hh[:size]]),
            sums[size:],
            torch.cat([sums[size : 3 * size], sums[:size]]),
            None,
        )


def _one(like: torch.Tensor) -> torch.Tensor:
    return torch.ones((), dtype=like.dtype).expand_as(like)


def packed_gru(
    layers: torch.nn.RNNBase, values: torch.Tensor, packing: Packing, *, training: bool
) -> torch.Tensor:
    """Outputs of all layers, dropout between them while ``training``.

    Args:
        layers: a ``torch.nn.GRU`` of one direction, with biases, on the CPU; only its weights
            are used.
        values: (batch, steps, inputs), float32, padded on the right; padding is never read.
        packing: of the batch.
        training: whether dropout acts.

    Returns:
        (valid, hidden): rows in packed order; ``packing.last`` are those of the last steps.
    """
    rows = values.flatten(0, 1).index_select(0, packing.rows)
    for index in range(layers.num_layers):
        if index and layers.dropout:
            rows = torch.nn.functional.dropout(rows, layers.dropout, training)
        weights = (getattr(layers, f"{kind}_l{index}") for kind in _WEIGHTS)
        rows = _Layer.apply(rows, *weights, packing)  # type: ignore[no-untyped-call]  # of torch
    return rows


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
