"""Whether a sweep's trials get their batches from orch, so that a few of them can be tried."""

from __future__ import annotations

from orchestrator.spec import SweepSpec
from searchspaces.registry import load_object
from trainables.programs import Form


def has_batches(spec: SweepSpec) -> bool:
    """Whether a few batches of a sweep can be tried.

    A network's always can, and a LightningModule's on the sweep's data; whatever else trains
    by itself has no batch that orch knows of.
    """
    program = spec.program
    if program.form is not Form.LIGHTNING:
        return not program.learns_by_itself
    return bool(spec.dataset) and not has_loader(spec.architecture)


def has_loader(name: str) -> bool:
    """Whether a LightningModule brings its own data, in place of Lightning's empty hook."""
    module = load_object("architecture", name, name)
    hook = getattr(module, "train_dataloader", None)
    return getattr(hook, "__module__", "").partition(".")[0] not in _LIGHTNING


_LIGHTNING = ("pytorch_lightning", "lightning")
