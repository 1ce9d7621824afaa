"""Architectures: the conformance suite on the built-ins, and sizes counted by hand."""

from __future__ import annotations

import pytest
import torch

from searchspaces import (
    Config,
    ConfigurationError,
    DataFacts,
    GruSpace,
    JointSpace,
    MlpSpace,
    Training,
    UnknownNameError,
    UsageError,
)
from trainables import architecture, architectures
from trainables.architectures.base import Architecture
from trainables.architectures.gru import Gru
from trainables.architectures.mlp import Mlp
from trainables.testing import (
    CHECKS,
    FACTS,
    check_gradients_reach_all_weights,
    check_logits_have_a_row_per_series,
    check_padding_never_changes_an_output,
    check_weights_are_counted_right,
    sampled_configs,
)

BUILT_IN = ("gru", "mlp")
CASES = [(name, config) for name in BUILT_IN for config in sampled_configs(architecture(name))]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("name", "config"), CASES)
def test_a_built_in_architecture_conforms(check, name, config):
    check(architecture(name), config)


def test_the_built_in_architectures_are_listed_by_name():
    assert set(BUILT_IN) <= set(architectures.names())
    assert architecture("gru") is Gru
    assert architecture("mlp") is Mlp


def test_an_unknown_architecture_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        architecture("grue")
    assert str(caught.value).startswith("unknown architecture 'grue'. Did you mean 'gru'? Known: ")


def _config(space, **values):
    return JointSpace(space, Training()).validate(
        {"learning_rate": 0.01, "batch_size": 16, **values}
    )


def test_gru_weights_by_hand():
    # one layer: 3 gates x 16 units x (5 inputs + 16 states + 2 biases) = 1104; head 17 x 4 = 68
    assert Gru.weights(_config(GruSpace(), num_layers=1, hidden_size=16), FACTS) == 1104 + 68


def test_mlp_weights_by_hand():
    # 5 -> 16 -> 32 -> 32 -> 4: 6 x 16 + 17 x 32 + 33 x 32 + 33 x 4
    config = _config(MlpSpace(), h1=16, h2=32, depth=3, dropout=0.1)
    assert Mlp.weights(config, FACTS) == 96 + 544 + 1056 + 132


def test_mlp_layers_are_as_wide_as_the_config_says():
    config = _config(MlpSpace(), h1=20, h2=30, depth=3, dropout=0.25)
    model = Mlp(config, FACTS)
    linear = [part for part in model.modules() if isinstance(part, torch.nn.Linear)]
    widths = [(one.in_features, one.out_features) for one in linear]
    assert widths == [(5, 20), (20, 30), (30, 30), (30, 4)]
    assert [part.p for part in model.modules() if isinstance(part, torch.nn.Dropout)] == [0.25] * 3


def test_gru_drops_out_between_layers_only():
    config = _config(GruSpace(), num_layers=3, hidden_size=16, dropout=0.3)
    assert Gru(config, FACTS).recurrent.dropout == 0.3
    assert Gru(_config(GruSpace(), num_layers=1, hidden_size=16), FACTS).recurrent.dropout == 0.0


def test_an_architecture_refuses_a_config_no_space_has_made():
    with pytest.raises(UsageError) as caught:
        Gru({"num_layers": 1, "hidden_size": 16}, FACTS)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "Gru takes a config made by a space, not a dict. Call space.validate(values)."
    )


def test_an_invalid_config_cannot_be_made():
    with pytest.raises(ConfigurationError, match="hidden_size"):
        _config(GruSpace(), num_layers=1, hidden_size=8)


class Careless(Architecture):
    """Averages padding in, leaves weights unused, miscounts: what the suite must notice."""

    space = GruSpace

    def __init__(self, config: Config, facts: DataFacts) -> None:
        super().__init__(config, facts)
        self.head = torch.nn.Linear(facts.features, facts.classes)
        self.unused = torch.nn.Linear(2, 2)

    def forward(self, values, lengths):
        return self.head(values.mean(dim=1))[: len(lengths) - 1]

    @classmethod
    def weights(cls, config, facts):
        return 1


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (check_logits_have_a_row_per_series, r"logits are \(0, 4\) torch.float32 for a batch of 1"),
        (check_padding_never_changes_an_output, "padding of 0.0 changes the logits"),
        (check_weights_are_counted_right, r"weights\(\) says 1, the network has 30"),
    ],
)
def test_the_suite_notices_a_careless_architecture(check, problem):
    with pytest.raises(AssertionError, match=problem):
        check(Careless, sampled_configs(Careless)[0])


def test_the_suite_notices_weights_without_a_gradient():
    class Unused(Careless):
        def forward(self, values, lengths):
            return self.head(values.mean(dim=1))

    with pytest.raises(AssertionError, match=r"no gradient reaches unused\.weight"):
        check_gradients_reach_all_weights(Unused, sampled_configs(Unused)[0])
