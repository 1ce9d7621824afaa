"""Architectures: the conformance suite on the built-ins, and sizes counted by hand."""

from __future__ import annotations

import pytest
import torch

from searchspaces import (
    AttentionGruSpace,
    CnnSpace,
    Config,
    ConfigurationError,
    ConvGruSpace,
    DataFacts,
    GruSpace,
    JointSpace,
    LstmSpace,
    MlpSpace,
    Training,
    UnknownNameError,
    UsageError,
)
from trainables import architecture, architectures
from trainables.architectures.attention_gru import AttentionGru
from trainables.architectures.base import Architecture
from trainables.architectures.cnn import Cnn
from trainables.architectures.conv_gru import ConvGru
from trainables.architectures.gru import Gru
from trainables.architectures.lstm import Lstm
from trainables.architectures.mlp import Mlp
from trainables.testing import (
    CHECKS,
    FACTS,
    IMAGES,
    check_gradients_reach_all_weights,
    check_logits_have_a_row_per_series,
    check_padding_never_changes_a_gradient,
    check_padding_never_changes_an_output,
    check_weights_are_counted_right,
    facts_for,
    sampled_configs,
)

BUILT_IN = ("attention-gru", "cnn", "conv-gru", "gru", "lstm", "mlp", "rnn")
# A new architecture is tested without being named here.
CASES = [
    (name, config)
    for name in architectures.names()
    for config in sampled_configs(architecture(name))
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("name", "config"), CASES)
def test_a_built_in_architecture_conforms(check, name, config):
    check(architecture(name), config)


def test_the_built_in_architectures_are_listed_by_name():
    assert set(BUILT_IN) <= set(architectures.names())
    assert architecture("gru") is Gru
    assert architecture("attention-gru") is AttentionGru


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


def test_bidirectional_lstm_weights_by_hand():
    # two layers of 4 gates x 16 units in 2 directions: the second reads 2 x 16 outputs
    space = LstmSpace(num_layers=2, hidden_size=16, dropout=0.0, bidirectional=True)
    first, second, head = 2 * 4 * 16 * (5 + 16 + 2), 2 * 4 * 16 * (32 + 16 + 2), (32 + 1) * 4
    assert Lstm.weights(_config(space, readout="max"), FACTS) == first + second + head


def test_conv_gru_weights_by_hand():
    # 20 kernels of 3 steps x 5 features and a bias; a GRU of 16 units that reads 20 filters
    space = ConvGruSpace(filters=20, kernel_size=3, pooling=2, num_layers=1, hidden_size=16)
    assert ConvGru.weights(_config(space), FACTS) == 20 * 16 + 48 * (20 + 16 + 2) + 17 * 4


def test_attention_gru_weights_by_hand():
    # query, key, value and output 16 x 16 with biases, scale and shift; heads do not count
    space = AttentionGruSpace(num_layers=1, hidden_size=16, dropout=0.0, readout="mean")
    expected = 1104 + 4 * (256 + 16) + 32 + 68
    for heads in (1, 8):
        assert AttentionGru.weights(_config(space, num_heads=heads), FACTS) == expected


def test_cnn_weights_by_hand():
    # 3 x 3 kernels: 8 over 2 channels, 8 over 8, each with a bias; head 9 x 4
    space = CnnSpace(depth=2, filters=8, kernel_size=3, dropout=0.0)
    assert Cnn.weights(_config(space), IMAGES) == 8 * 19 + 8 * 73 + 36


def test_mlp_weights_by_hand():
    # 5 -> 16 -> 32 -> 32 -> 4: 6 x 16 + 17 x 32 + 33 x 32 + 33 x 4; mean+max: 10 -> 16
    space = MlpSpace(h1=16, h2=32, depth=3, dropout=0.1)
    assert Mlp.weights(_config(space, pooling="mean"), FACTS) == 96 + 544 + 1056 + 132
    assert Mlp.weights(_config(space, pooling="mean+max"), FACTS) == 176 + 544 + 1056 + 132


def test_mlp_layers_are_as_wide_as_the_config_says():
    config = _config(MlpSpace(pooling="min"), h1=20, h2=30, depth=3, dropout=0.25)
    model = Mlp(config, FACTS)
    linear = [part for part in model.modules() if isinstance(part, torch.nn.Linear)]
    widths = [(one.in_features, one.out_features) for one in linear]
    assert widths == [(5, 20), (20, 30), (30, 30), (30, 4)]
    assert [part.p for part in model.modules() if isinstance(part, torch.nn.Dropout)] == [0.25] * 3


@pytest.mark.parametrize("pooling", ["mean", "max", "min", "mean+max"])
def test_mlp_reads_what_its_pooling_says(pooling):
    model = Mlp(_config(MlpSpace(pooling=pooling), h1=16, depth=1, dropout=0.0), FACTS)
    one = torch.randn(1, 7, 5)
    read = {"mean": [one.mean(1)], "max": [one.amax(1)], "min": [one.amin(1)]}
    read["mean+max"] = read["mean"] + read["max"]
    expected = model.head(model.hidden(torch.cat(read[pooling], dim=1)))
    torch.testing.assert_close(model(one, torch.tensor([7])), expected)


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


def test_the_suite_notices_padding_in_a_gradient():
    class Averaging(Careless):
        def forward(self, values, lengths):
            return self.head(values.mean(dim=1))

    with pytest.raises(AssertionError, match=r"padding of 0\.0 changes the gradient of head"):
        check_padding_never_changes_a_gradient(Averaging, sampled_configs(Averaging)[0])


def test_the_suite_gives_images_to_what_takes_no_series():
    assert facts_for(Gru) == FACTS
    assert facts_for(Cnn) == IMAGES


def test_the_suite_says_that_an_architecture_takes_nothing_it_has():
    class Picky(GruSpace):
        def refuses(self, facts):
            return "it takes videos"

    class Video(Careless):
        space = Picky

    with pytest.raises(
        AssertionError, match=r"^Picky refuses series and images: it takes videos; "
    ):
        facts_for(Video)
