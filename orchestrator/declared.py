"""From mappings that people wrote to pydantic classes, with one clear line when that fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from searchspaces.errors import ConfigurationError, did_you_mean
from searchspaces.scalars import problem

Model = TypeVar("Model", bound=BaseModel)
_INSTEAD_OF = {"powers_of": ("log", "step"), "log": ("powers_of",), "step": ("powers_of",)}


_UNSAID = ("kind", "when")  # no parameters: what a choice of kinds, and of a group, says
_SPACES = ("space", "training")  # mappings of names of one's own: kind may be one of them
_KINDS = ("searcher", "scheduler")  # may be given by the name of their kind, or as what they are


def declare(cls: type[Model], values: Mapping[str, Any], *, place: str = "") -> Model:
    """Make a ``cls`` of ``values``.

    Args:
        cls: a pydantic class.
        values: its fields, as read from a file or from ``--set``.
        place: dotted path of ``values`` in what the person wrote.

    Raises:
        ConfigurationError: for the first thing that is wrong, at its own dotted path.
    """
    for key in values:
        if key not in cls.model_fields:
            known = [name for name in cls.model_fields if name not in _UNSAID]
            raise unknown_key(str(key), known, place=place)
    try:
        made = cls.model_validate(dict(values))
    except ConfigurationError as error:
        raise placed(error, cls, place) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = join(place, *(str(part) for part in first["loc"]))
        if first["type"] == "extra_forbidden" and (inner := _at(cls, first["loc"][:-1])):
            known = [name for name in inner.model_fields if name not in _UNSAID]
            head = path.rpartition(".")[0]
            raise unknown_key(str(first["loc"][-1]), known, place=head) from error
        raise ConfigurationError(_sentence(first), place=path) from error
    for key, value in values.items():  # to pydantic a true is a 1 as well
        if isinstance(value, bool) and type(getattr(made, key)) in (int, float):
            raise ConfigurationError(f"{value!r} is no number.", place=join(place, key))
    return made


def check_whole(error: ConfigurationError, before: Any) -> None:
    """Say that a parameter is a constant where a part of a domain was given for it.

    Args:
        error: that :func:`declare` raised.
        before: what was declared without that part, as nested mappings.

    Raises:
        ConfigurationError: it is so.
    """
    cause = error.__cause__
    if not isinstance(cause, ValidationError) or cause.errors()[0]["type"] != "missing":
        return
    place, _, lacking = error.place.rpartition(".")
    was = before
    for key in place.split("."):
        was = was.get(key) if isinstance(was, Mapping) else None
    if was is None or isinstance(was, Mapping):
        return
    example = "{values: [..., ...]}" if lacking == "values" else "{low: ..., high: ...}"
    raise ConfigurationError(
        f"it is a constant now, {was}, and {lacking} is missing for a domain. Give all of "
        f"it: --set '{place}={example}'",
        place=place,
    ) from error


def one_or_more(what: str, example: str, item: type = str) -> BeforeValidator:
    """For a field that is a tuple: a single item is a list of one.

    Args:
        what: the name of the items, for people.
        example: one of them, as a person writes it.
        item: their type.
    """

    def read(value: Any) -> Any:
        if isinstance(value, item) and not isinstance(value, bool):
            return (value,)
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            raise problem(
                f"{value!r} is no list of {what}. Write one as {example}, several in a list."
            )
        return value

    return BeforeValidator(read)


def placed(error: ConfigurationError, cls: type, place: str) -> ConfigurationError:
    """The error with ``place`` for the name of the class, which is not what the person wrote."""
    head, _, rest = error.place.partition(".")
    if head != cls.__name__:
        for name, group in _groups(cls).items():
            if (found := placed(error, group, join(place, name))) is not error:
                return found
        return error
    return ConfigurationError(error.problem, place=join(place, rest))


def _groups(cls: type) -> dict[str, type[BaseModel]]:
    """The fields of a class that are declared as classes themselves."""
    types = {name: field.annotation for name, field in getattr(cls, "model_fields", {}).items()}
    return {
        name: found
        for name, found in types.items()
        if isinstance(found, type) and issubclass(found, BaseModel)
    }


def _at(cls: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The class of the mapping at a path within that of ``cls``; None where there is none."""
    found: type[BaseModel] | None = cls
    for part in path:
        found = _groups(found).get(str(part)) if found else None
    return found


def unknown_key(key: str, known: Any, *, place: str) -> ConfigurationError:
    """The error of a key that does not exist, with the nearest that does."""
    close = did_you_mean(key, known)
    hint = f" Did you mean {close!r}?" if close else ""
    names = f" Known: {', '.join(known)}." if known else " There are none here."
    return ConfigurationError(f"unknown key.{hint}{names}", place=join(place, key))


def join(*parts: str) -> str:
    """A dotted path of the parts that are not empty."""
    return ".".join(part for part in parts if part)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with everything in ``over``, deeply.

    A mapping with a ``kind`` replaces what was there, since the fields of one kind mean
    nothing to another; a mapping without one changes single keys. Of a domain's ``log``,
    ``step`` and ``powers_of``, one that is given replaces the others.
    """
    merged = dict(base)
    for key, others in _INSTEAD_OF.items():
        if over.get(key):
            for other in others:
                merged.pop(other, None)
    for key, value in over.items():
        before = merged.get(key)
        merged[key] = value
        if (
            isinstance(value, Mapping)
            and isinstance(before, Mapping)
            and ("kind" not in value or key in _SPACES)
        ):
            merged[key] = merge(before, value)
    return merged


def override(said: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a sweep, with changes on top; see :func:`merge`.

    A searcher or scheduler that is given by its name alone, or as what it is, has settings too.
    """
    changed = [key for key in _KINDS if key in said and isinstance(over.get(key), Mapping)]
    return merge({**said, **{key: _settings(said[key]) for key in changed}}, over)


def _settings(declared: Any) -> Any:
    if isinstance(declared, BaseModel):
        return declared.model_dump(mode="json")
    return {"kind": declared} if isinstance(declared, str) else declared


def assign(path: str, value: Any) -> dict[str, Any]:
    """The nested mapping that sets one dotted path."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)


def _sentence(error: Any) -> str:
    """What pydantic says, as a sentence with the value in it."""
    said = str(error["msg"])
    text = said.removeprefix("Value error, ")
    for start, verb in (("Input should be ", "is not "), ("String should ", "should ")):
        if said.startswith(start):
            text = f"{error['input']!r} {verb}{said.removeprefix(start)}"
    return text if text.endswith(".") else f"{text}."
