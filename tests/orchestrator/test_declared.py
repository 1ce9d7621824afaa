"""Mappings that people wrote become pydantic classes, or one line says why not."""

from __future__ import annotations

from typing import Any, Literal

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from pydantic import BaseModel, ConfigDict, Field

from orchestrator.declared import assign, declare, join, merge, override, unknown_key
from orchestrator.schedulers.asha import Asha
from orchestrator.strategies import scheduler_from
from searchspaces import ConfigurationError, GruSpace


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = Field(default=1, ge=1)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["outer"] = "outer"
    inner: Inner = Inner()
    name: str = Field(default="a", pattern="^[a-z]+$")
    mode: Literal["min", "max"] = "min"
    count: int = 1
    share: float | None = None
    loud: bool = False


KNOWN = "inner, name, mode, count, share, loud"


def line(values: dict[str, Any], place: str = "spec") -> str:
    with pytest.raises(ConfigurationError) as failure:
        declare(Outer, values, place=place)
    return str(failure.value)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"nmae": "x"}, f"spec.nmae: unknown key. Did you mean 'name'? Known: {KNOWN}."),
        ({"zzz": 1}, f"spec.zzz: unknown key. Known: {KNOWN}."),
        ({"inner": {"size": 0}}, "spec.inner.size: 0 is not greater than or equal to 1."),
        ({"inner": 3}, "spec.inner: 3 is not a valid dictionary or instance of Inner."),
        ({"name": "A"}, "spec.name: 'A' should match pattern '^[a-z]+$'."),
        ({"name": 3}, "spec.name: 3 is not a valid string."),
        ({"mode": "most"}, "spec.mode: 'most' is not 'min' or 'max'."),
        ({"kind": "inner"}, "spec.kind: 'inner' is not 'outer'."),
        ({"count": True}, "spec.count: True is no number."),
        ({"share": False}, "spec.share: False is no number."),
    ],
)
def test_the_first_thing_that_is_wrong_is_named_at_its_place(
    values: dict[str, Any], text: str
) -> None:
    assert line(values) == text


def test_true_is_true_where_that_is_asked_for() -> None:
    assert declare(Outer, {"loud": True}).loud


def test_at_the_top_a_place_is_the_key_alone() -> None:
    assert line({"mode": 1}, place="") == "mode: 1 is not 'min' or 'max'."


def test_what_is_right_is_made() -> None:
    assert declare(Outer, {"inner": {"size": 4}}) == Outer(inner=Inner(size=4))


def test_a_space_s_own_complaint_is_placed_where_the_person_wrote_it() -> None:
    with pytest.raises(ConfigurationError) as failure:
        declare(
            GruSpace,
            {"dropout": {"kind": "float", "low": 0, "high": 1, "when": {"x": [1]}}},
            place="space",
        )
    assert str(failure.value) == (
        "space.dropout.when: unknown parent 'x'. "
        "Known: num_layers, hidden_size, dropout, bidirectional, readout."
    )


def test_an_unknown_key_without_any_known_one_says_so() -> None:
    assert str(unknown_key("a", [], place="b")) == "b.a: unknown key. There are none here."


def test_merging_changes_single_keys_and_replaces_what_has_a_kind() -> None:
    base = {"a": {"kind": "x", "one": 1, "two": {"deep": 1, "other": 2}}, "b": 1}
    assert merge(base, {"a": {"two": {"deep": 3}}}) == {
        "a": {"kind": "x", "one": 1, "two": {"deep": 3, "other": 2}},
        "b": 1,
    }
    assert merge(base, {"a": {"kind": "y"}, "c": 2}) == {"a": {"kind": "y"}, "b": 1, "c": 2}
    assert merge(base, {"a": 5, "b": {"x": 1}}) == {"a": 5, "b": {"x": 1}}
    mine = {"space": {"width": {"low": 5}, "kind": "good"}}
    assert merge(mine, {"space": {"kind": "bad"}}) == {"space": {**mine["space"], "kind": "bad"}}
    assert base == {"a": {"kind": "x", "one": 1, "two": {"deep": 1, "other": 2}}, "b": 1}


@pytest.mark.parametrize("before", ["asha", Asha(), {"kind": "asha"}])
def test_a_setting_of_what_is_given_by_its_name_alone_keeps_it(before: Any) -> None:
    merged = override({"scheduler": before}, {"scheduler": {"eta": 2}})["scheduler"]
    assert scheduler_from(merged) == Asha(eta=2)
    assert override({"scheduler": before}, {"scheduler": "fifo"}) == {"scheduler": "fifo"}


@pytest.mark.parametrize(
    ("before", "over", "after"),
    [
        ({"log": True}, {"powers_of": 2}, {"powers_of": 2}),
        ({"step": 3}, {"powers_of": 2}, {"powers_of": 2}),
        ({"powers_of": 2}, {"step": 16}, {"step": 16}),
        ({"powers_of": 2}, {"log": True}, {"log": True}),
        ({"powers_of": 2}, {"log": False}, {"powers_of": 2, "log": False}),
        ({"log": True}, {"step": 2}, {"log": True, "step": 2}),
        ({"log": True}, {"powers_of": 2, "log": True}, {"powers_of": 2, "log": True}),
    ],
)
def test_the_scale_of_a_domain_is_replaced_by_another(
    before: dict[str, Any], over: dict[str, Any], after: dict[str, Any]
) -> None:
    merged = merge({"size": {"low": 8, **before}}, {"size": over})
    assert merged == {"size": {"low": 8, **after}}


_plain = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda values: st.dictionaries(st.sampled_from(["a", "b", "kind"]), values, max_size=3),
    max_leaves=8,
)
_mapping = st.dictionaries(st.sampled_from(["a", "b", "c"]), _plain, max_size=3)


@settings(deadline=None, max_examples=100)
@given(_mapping, _mapping)
def test_merging_with_nothing_or_with_itself_changes_nothing(
    base: dict[str, Any], over: dict[str, Any]
) -> None:
    assert merge(base, {}) == base
    assert merge({}, base) == base
    once = merge(base, over)
    assert merge(once, over) == once


def test_a_dotted_path_becomes_nested_mappings() -> None:
    assert assign("a", 1) == {"a": 1}
    assert assign("a.b.c", None) == {"a": {"b": {"c": None}}}
    assert join("", "a", "", "b") == "a.b"
