"""What a function keeps comes back as it was."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from searchspaces import OrchError, UsageError
from trainables.programs import keep

leaves = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
)
keys = st.text(max_size=5) | st.integers() | st.booleans() | st.floats(allow_nan=False)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=20,
)


def shape(value: Any) -> Any:
    """The value with types spelled out, since 1 == 1.0 == True and nan != nan."""
    if isinstance(value, dict):
        return {"dict": [(shape(key), shape(each)) for key, each in value.items()]}
    if isinstance(value, list | tuple):
        return [type(value).__name__, [shape(each) for each in value]]
    return type(value).__name__, repr(value)


@given(values, st.integers(0, 2**31))
@example({math.inf: None, -math.inf: 1, 0.5: {2: 3}}, 0)
def test_whatever_nests_comes_back_as_it_was(value: Any, epoch: int) -> None:
    found, at = keep.decode(keep.encode(keep.copied(value), epoch))
    assert shape(found) == shape(value)
    assert at == epoch


@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
     "float64", "float8_e4m3fn"],
)  # fmt: skip
@pytest.mark.parametrize("size", [(), (0,), (3, 2)])
def test_tensors_come_back_bit_for_bit(dtype: str, size: tuple[int, ...]) -> None:
    tensor = torch.randint(0, 2, size).to(getattr(torch, dtype))
    found, _ = keep.decode(keep.encode(keep.copied({"a": tensor}), 1))
    assert found["a"].dtype is tensor.dtype
    assert found["a"].shape == tensor.shape
    assert torch.equal(found["a"].float(), tensor.float())
    found["a"].zero_()  # it is the function's own


@pytest.mark.parametrize("value", [np.zeros((2, 0)), np.arange(6.0)[::2], np.array(3),
                                   np.float32(2.5), np.int64(7), np.bool_(1)])  # fmt: skip
def test_arrays_and_numpy_s_numbers_come_back(value: Any) -> None:
    found, _ = keep.decode(keep.encode(keep.copied([value]), 1))
    assert type(found[0]) is type(value)
    assert found[0].dtype == value.dtype
    assert np.array_equal(found[0], value)


def test_the_state_of_a_real_optimizer_and_schedule_goes_on_exactly() -> None:
    def make() -> tuple[Any, Any, Any]:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        return model, optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 7)

    def train(parts: tuple[Any, Any, Any], steps: int) -> None:
        model, optimizer, schedule = parts
        for step in range(steps):
            optimizer.zero_grad()
            model(torch.full((1, 3), step + 1.0)).square().sum().backward()
            optimizer.step()
            schedule.step()

    whole, first, second = make(), make(), make()
    train(whole, 3)
    train(first, 3)
    kept = keep.copied([part.state_dict() for part in first])
    train(first, 5)  # what was kept does not change with it
    for part, state in zip(second, keep.decode(keep.encode(kept, 3))[0], strict=True):
        part.load_state_dict(state)
    train(whole, 4)
    train(second, 4)
    for ours, theirs in zip(second[0].parameters(), whole[0].parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert second[2].get_last_lr() == whole[2].get_last_lr()


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"a": {"b": [1, {2, 3}]}}, "a set at 'a.b.1'"),
        (object(), "a object"),
        ({"f": print}, "a builtin_function_or_method at 'f'"),
        ({("a", "b"): 1}, "a dict with the key ('a', 'b')"),
        ({"n": np.array(["x"])}, "an array of <U1 at 'n'"),
        ({"n": np.array([print])}, "an array of object at 'n'"),
        ({"t": torch.zeros(2, dtype=torch.complex64)}, "a tensor that is sparse or complex at 't'"),
        ({"model": torch.nn.Linear(1, 1)}, "a Linear at 'model'"),
    ],
)
def test_what_would_need_a_pickle_is_refused_where_it_is(value: Any, line: str) -> None:
    with pytest.raises(UsageError) as failure:
        keep.copied(value)
    assert str(failure.value) == (
        f"state.save: {line} cannot be kept. Give dicts and lists of tensors, arrays, numbers "
        f"and texts, such as model.state_dict()."
    )


def test_damaged_bytes_are_told() -> None:
    data = keep.encode(keep.copied({"a": [1.0], "b": torch.ones(3)}), 4)
    for cut in range(0, len(data), 7):
        with pytest.raises(OrchError):
            keep.decode(data[:cut])
    with pytest.raises(OrchError, match="checkpoint has format 2"):
        keep.decode(data.replace(b'format\\":1', b'format\\":2'))


def test_nothing_kept_shares_memory_with_what_goes_on_changing() -> None:
    tensor, array = torch.ones(2), np.ones(2)
    kept = keep.copied({"t": tensor, "a": array, "v": tensor[:1]})
    tensor.zero_()
    array[:] = 0
    assert kept["t"].tolist() == [1, 1]
    assert kept["a"].tolist() == [1, 1]
    assert not math.isnan(kept["v"].item())
