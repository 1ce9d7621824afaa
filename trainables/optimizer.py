"""What moves a model's weights: Adam, AdamW, SGD and RMSprop over torch's own kernels."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeAlias

import torch
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

BETAS = (0.9, 0.999)
EPSILON = 1e-8
ALPHA = 0.99
FUSED = frozenset({"cpu", "cuda"})
"""Kinds of device on which Adam and SGD are one kernel."""

Tensors: TypeAlias = list[torch.Tensor]
Setting: TypeAlias = Callable[[str], Any]


class Optimizer(ABC):
    """Moves weights along their gradients; the same numbers as torch's class of that name.

    torch's classes are not used because creating one imports its compiler (1.8 s and
    67 MB in every worker) and a step of one takes 1.2 to 1.6 times as long.

    A subclass names its state, of which there is a tensor per weight, and moves weights.

    Args:
        named: trainable parameters by name, float32, all on one device.
        weight_decay: how much weights shrink.

    Attributes:
        slots: names of the state's tensors, each shaped like its weight; ``step`` is a number.
    """

    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, named: Iterable[tuple[str, torch.nn.Parameter]], *, weight_decay: float = 0.0
    ) -> None:
        trainable = {name: weight for name, weight in named if weight.requires_grad}
        self._names = list(trainable)
        self._weights: Tensors = list(trainable.values())
        self._weight_decay = weight_decay
        device = self._weights[0].device if self._weights else torch.device("cpu")
        self._fused = device.type in FUSED
        # A fused kernel on a GPU reads the number of steps there.
        count = device if self._fused else torch.device("cpu")
        self._state: dict[str, Tensors] = {
            slot: [
                torch.zeros((), device=count) if slot == "step" else torch.zeros_like(weight)
                for weight in self._weights
            ]
            for slot in self.slots
        }

    def clear(self) -> None:
        """Forget the gradients."""
        for weight in self._weights:
            weight.grad = None

    def unscale(self, scale: float) -> None:
        """Divide the gradients by ``scale``, by which the loss was multiplied."""
        for weight in self._weights:
            if weight.grad is not None:
                weight.grad.mul_(1.0 / scale)

    def clip(self, most: float) -> float:
        """Scale the gradients so that their norm is at most ``most``; 0 leaves them alone.

        Returns:
            The norm before; NaN or infinite when a gradient is, and then nothing is scaled.
        """
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients).item()
        if 0.0 < most < norm < math.inf:
            for gradient in gradients:
                gradient.mul_(most / norm)
        return norm

    def step(self, rate: float) -> None:
        """Move every weight that has a gradient, with learning rate ``rate``."""
        held = [index for index, weight in enumerate(self._weights) if weight.grad is not None]
        weights = [self._weights[index] for index in held]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        state = {slot: [tensors[index] for index in held] for slot, tensors in self._state.items()}
        with torch.no_grad():
            self._move(weights, gradients, state, rate)

    @abstractmethod
    def _move(
        self, weights: Tensors, gradients: Tensors, state: dict[str, Tensors], rate: float
    ) -> None:
        """Move ``weights`` and update ``state``, both in place."""

    def tensors(self) -> dict[str, torch.Tensor]:
        """The state by name: ``mean.NAME``, ``step.NAME``, ... per weight."""
        return {
            f"{slot}.{name}": self._state[slot][index]
            for index, name in enumerate(self._names)
            for slot in self.slots
        }

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Take over a state that :meth:`tensors` gave.

        Raises:
            KeyError: a tensor is missing.
            RuntimeError: a tensor has another shape.
        """
        for name, tensor in self.tensors().items():
            tensor.copy_(state[name])


class Adam(Optimizer):
    """Adam with torch's defaults; weight decay is added to the gradient (L2).

    Source: Kingma & Ba, Adam, ICLR 2015, algorithm 1.
    """

    slots = ("mean", "square", "step")
    _kernel: ClassVar[Callable[..., None]] = staticmethod(adam)

    def _move(
        self, weights: Tensors, gradients: Tensors, state: dict[str, Tensors], rate: float
    ) -> None:
        self._kernel(
            weights,
            gradients,
            state["mean"],
            state["square"],
            [],
            state["step"],
            foreach=False,
            fused=self._fused,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=self._weight_decay,
            eps=EPSILON,
            maximize=False,
        )


class AdamW(Adam):
    """Adam whose weights shrink by ``rate * weight_decay`` a step, whatever the gradient.

    Source: Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2.
    """

    _kernel = staticmethod(adamw)


class Sgd(Optimizer):
    """Stochastic gradient descent, with momentum if there is any, as torch defines it.

    Args:
        named: trainable parameters by name.
        weight_decay: added to the gradient (L2).
        momentum: share of the last step's direction that is kept; 0 is none.
        nesterov: take the gradient one step of momentum ahead.

    Source: Sutskever et al., On the importance of initialization and momentum, ICML 2013.
    """

    slots = ("momentum",)

    def __init__(
        self,
        named: Iterable[tuple[str, torch.nn.Parameter]],
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(named, weight_decay=weight_decay)
        self._momentum = momentum
        self._nesterov = nesterov

    def _move(
        self, weights: Tensors, gradients: Tensors, state: dict[str, Tensors], rate: float
    ) -> None:
        # Zeros become the first gradient, with which torch's own begins.
        momenta: list[torch.Tensor | None] = (
            [*state["momentum"]] if self._momentum else [None] * len(weights)
        )
        sgd(
            weights,
            gradients,
            momenta,
            foreach=False,
            fused=self._fused,
            weight_decay=self._weight_decay,
            momentum=self._momentum,
            lr=rate,
            dampening=0.0,
            nesterov=self._nesterov,
            maximize=False,
        )


class RmsProp(Optimizer):
    """RMSprop with torch's defaults, with momentum if there is any.

    Args:
        named: trainable parameters by name.
        weight_decay: added to the gradient (L2).
        momentum: share of the last step that is kept; 0 is none.

    Source: Tieleman & Hinton, Coursera: Neural networks for machine learning (2012), lecture 6.5.
    """

    slots = ("square", "momentum", "step")

    def __init__(
        self,
        named: Iterable[tuple[str, torch.nn.Parameter]],
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(named, weight_decay=weight_decay)
        self._momentum = momentum
        # torch has no fused kernel; on a GPU one kernel per operation moves all weights.
        self._foreach = any(weight.is_cuda for weight in self._weights)

    def _move(
        self, weights: Tensors, gradients: Tensors, state: dict[str, Tensors], rate: float
    ) -> None:
        rmsprop(
            weights,
            gradients,
            state["square"],
            [],
            state["momentum"],
            state["step"],
            foreach=self._foreach,
            lr=rate,
            alpha=ALPHA,
            eps=EPSILON,
            weight_decay=self._weight_decay,
            momentum=self._momentum,
            centered=False,
        )


def optimizer_of(model: torch.nn.Module, setting: Setting) -> Optimizer:
    """The optimizer that a config asks for.

    Args:
        model: on the device where it is trained.
        setting: a field of :class:`searchspaces.training.Training`, by name.
    """
    named, decay = model.named_parameters(), setting("weight_decay")
    match setting("optimizer"):
        case "adamw":
            return AdamW(named, weight_decay=decay)
        case "sgd":
            return Sgd(
                named,
                weight_decay=decay,
                momentum=setting("momentum"),
                nesterov=setting("nesterov"),
            )
        case "rmsprop":
            return RmsProp(named, weight_decay=decay, momentum=setting("momentum"))
        case _:
            return Adam(named, weight_decay=decay)
