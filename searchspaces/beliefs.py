"""What a person may believe of a domain: a value that is good, and how sure that is."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import ValidationInfo

from searchspaces.scalars import problem

Confidence: TypeAlias = Literal["low", "medium", "high"]
"""How sure a person is of a prior."""


def check_prior(domain: Any, prior: Any, info: ValidationInfo) -> Any:
    """Refuse a value that is no member of the domain; the member as the domain writes it.

    Args:
        domain: the class; a domain of what was given before is asked.
        prior: the value.
        info: what was given before.
    """
    needed = {"values"} if "values" in domain.__dataclass_fields__ else {"low", "high"}
    if prior is None or not needed <= info.data.keys():  # what is missing was refused already
        return prior
    made = domain(**info.data)
    member = made.normalise(prior)
    if member is None:
        raise problem(f"{prior!r} is no value of {made!r}. Give one that is, or leave it out.")
    return member


def check_confidence(confidence: Confidence | None, info: ValidationInfo) -> Confidence | None:
    """Refuse a confidence without a value to be confident in."""
    if confidence is not None and "prior" in info.data and info.data["prior"] is None:
        raise problem("there is no prior to be confident in. Give prior too, or leave it out.")
    return confidence
