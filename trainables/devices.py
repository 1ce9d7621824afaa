"""Where a network computes, and in how many bits: chosen once, in the worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch

from searchspaces.errors import ConfigurationError

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Compute:
    """A device and the precision of the products on it.

    Attributes:
        device: where tensors live.
        precision: ``float32``, or what matrix products are rounded to: ``bfloat16``, ``float16``.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "float32"

    @property
    def scaled(self) -> bool:
        """Whether the loss must be scaled, since gradients may be too small for the format."""
        return self.precision == "float16"

    def mixed(self) -> AbstractContextManager[object]:
        """Within it, products are of that precision; weights and sums stay float32."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, PRECISIONS[self.precision])

    @contextmanager
    def random_numbers(self, seed: int, epoch: int) -> Iterator[None]:
        """Seed torch's global generators, the CPU's and the device's, and give them back."""
        before = torch.get_rng_state()
        derived = int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])
        # torch.manual_seed also queues seeds for absent GPUs, which is 100 times slower.
        torch.default_generator.manual_seed(derived)
        try:
            with self._device_numbers(derived):
                yield
        finally:
            torch.set_rng_state(before)

    @contextmanager
    def _device_numbers(self, seed: int) -> Iterator[None]:
        if self.device.type == "cuda":
            kept = torch.cuda.get_rng_state(self.device)
            with torch.cuda.device(self.device):
                torch.cuda.manual_seed(seed)
            try:
                yield
            finally:
                torch.cuda.set_rng_state(kept, self.device)
        elif self.device.type == "mps":
            kept = torch.mps.get_rng_state()
            torch.mps.manual_seed(seed)
            try:
                yield
            finally:
                torch.mps.set_rng_state(kept)
        else:
            yield

    def free(self) -> None:
        """Give memory that nothing uses back to the device, after it ran out."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.device.type == "mps":
            torch.mps.empty_cache()


CPU = Compute()

_NO_ROOM = (
    "MPS backend out of memory",
    "can't allocate memory",  # of the machine
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def resolve(device: str) -> str:
    """The device that a name stands for on this machine.

    ``auto`` is ``cuda`` where torch finds a GPU of NVIDIA or AMD, else ``cpu``. It never is
    ``mps``: networks of a sweep's size are seldom faster there, and not all of torch's
    operations exist; ``mps`` has to be asked for.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ConfigurationError: this machine has no such device, or nothing is called so.
    """
    match device:
        case "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        case "cpu":
            return "cpu"
        case "cuda":
            if torch.cuda.is_available():
                return "cuda"
            why = (
                "torch finds no GPU here"
                if torch.version.cuda or torch.version.hip
                else "torch was installed without CUDA"
            )
            raise ConfigurationError(f"{why}. Choose auto or cpu.", place="device cuda")
        case "mps":
            if torch.backends.mps.is_available():
                return "mps"
            raise ConfigurationError("torch finds no Apple GPU here. Choose auto or cpu.",
                                     place="device mps")  # fmt: skip
        case _:
            raise ConfigurationError(
                "unknown device. Known: auto, cpu, cuda, mps.", place=f"device {device}"
            )


def compute_of(device: str, precision: str) -> Compute:
    """Where and how precisely to compute.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``float32``, ``bfloat16`` or ``float16``.

    Raises:
        ConfigurationError: this machine cannot do that.
    """
    found = resolve(device)
    place = f"precision {precision}"
    if precision not in PRECISIONS:
        raise ConfigurationError(f"unknown precision. Known: {', '.join(PRECISIONS)}.", place=place)
    if precision != "float32" and found == "cpu":
        raise ConfigurationError(
            "mixed precision is for GPUs, and this trains on the CPU. Choose float32.",
            place=place,
        )
    if precision == "bfloat16" and found == "cuda":
        capable = torch.cuda.get_device_capability() >= (8, 0) or torch.version.hip is not None
        if not capable:
            raise ConfigurationError(
                f"{torch.cuda.get_device_name()} cannot compute in it. Choose float16 or float32.",
                place=place,
            )
    return Compute(torch.device(found), precision)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, has no room for what was asked."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(mark in text for mark in _NO_ROOM)


def out_of_memory(device: torch.device) -> str:
    """The reason why a trial cannot run, in words."""
    return "out of memory" if device.type == "cpu" else "out of GPU memory"
