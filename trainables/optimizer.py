"""Adam on a model's weights, with the gradient's norm clipped."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.optim.adam import adam

BETAS = (0.9, 0.999)
EPSILON = 1e-8
MAX_NORM = 1.0


class Adam:
    """Adam with torch's defaults, through torch's own fused kernel.

    The same numbers as ``torch.optim.Adam(fused=True)`` (a test compares bit for
    bit). The class itself is not used because creating one imports torch's compiler
    (1.8 s and 67 MB in every worker) and a step of it takes 1.2 to 1.6 times as long.

    Args:
        named: trainable parameters by name, float32 on the CPU.

    Source: Kingma & Ba, Adam, ICLR 2015, algorithm 1.
    """

    def __init__(self, named: Iterable[tuple[str, torch.nn.Parameter]]) -> None:
        trainable = {name: weight for name, weight in named if weight.requires_grad}
        self._names = list(trainable)
        self._weights: list[torch.Tensor] = list(trainable.values())
        self._means = [torch.zeros_like(weight) for weight in self._weights]
        self._squares = [torch.zeros_like(weight) for weight in self._weights]
        self._steps = [torch.zeros(()) for _ in self._weights]

    def clear(self) -> None:
        """Forget the gradients."""
        for weight in self._weights:
            weight.grad = None

    def clip(self) -> float:
        """Scale the gradients so that their norm is at most ``MAX_NORM``.

        Returns:
            The norm before; NaN or infinite when a gradient is, and then nothing is scaled.
        """
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients).item()
        if MAX_NORM < norm < float("inf"):
            for gradient in gradients:
                gradient.mul_(MAX_NORM / norm)
        return norm

    def step(self, rate: float) -> None:
        """Move every weight that has a gradient, with learning rate ``rate``."""
        held = [
            (weight, weight.grad, mean, square, step)
            for weight, mean, square, step in zip(
                self._weights, self._means, self._squares, self._steps, strict=True
            )
            if weight.grad is not None
        ]
        weights, gradients, means, squares, steps = map(list, zip(*held, strict=True))
        with torch.no_grad():
            adam(
                weights,
                gradients,
                means,
                squares,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=rate,
                weight_decay=0.0,
                eps=EPSILON,
                maximize=False,
            )

    def tensors(self) -> dict[str, torch.Tensor]:
        """The state by name: ``mean.NAME``, ``square.NAME`` and ``step.NAME`` per weight."""
        state: dict[str, torch.Tensor] = {}
        for index, name in enumerate(self._names):
            state[f"mean.{name}"] = self._means[index]
            state[f"square.{name}"] = self._squares[index]
            state[f"step.{name}"] = self._steps[index]
        return state

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Take over a state that :meth:`tensors` gave.

        Raises:
            KeyError: a tensor is missing.
            RuntimeError: a tensor has another shape.
        """
        for name, tensor in self.tensors().items():
            tensor.copy_(state[name])
