"""Writes hpbandster_model.json: the densities hpbandster fits to made-up observations.

Run once, in an environment of its own, as orch does not depend on any of these:

    pip install statsmodels==0.14.4 ConfigSpace==0.7.1 "numpy<2" "pandas<2.3" "scipy<1.15"
    pip download --no-deps --no-binary :all: hpbandster==0.7.4   # and unpack it
    PYTHONPATH=hpbandster-0.7.4 python hpbandster_model.py

Only hpbandster's networking (Pyro4, netifaces), which needs a C compiler, is replaced by
empty modules; the model is its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

for name in ("Pyro4", "Pyro4.naming", "netifaces"):
    sys.modules[name] = ModuleType(name)
sys.modules["Pyro4"].expose = lambda thing: thing
sys.modules["Pyro4"].oneway = lambda thing: thing
sys.modules["Pyro4"].callback = lambda thing: thing

import ConfigSpace as CS  # noqa: E402, N817
import numpy as np  # noqa: E402
from hpbandster.optimizers.config_generators.bohb import BOHB  # noqa: E402


def main() -> None:
    """Feed 60 trials at epoch 1 and 25 of them at epoch 9, some failed, in random order."""
    space = CS.ConfigurationSpace()
    space.add_hyperparameters(
        [
            CS.UniformFloatHyperparameter("a", 0.0, 2.0),
            CS.UniformFloatHyperparameter("b", 1e-4, 1e-1, log=True),
            CS.CategoricalHyperparameter("c", ["relu", "gelu", "tanh"]),
        ]
    )
    model = BOHB(configspace=space)
    rng = np.random.default_rng(1)
    observations = []
    for number in range(60):
        config = {
            "a": float(rng.uniform(0, 2)),
            "b": float(np.exp(rng.uniform(np.log(1e-4), np.log(1e-1)))),
            "c": str(rng.choice(["relu", "gelu", "tanh"])),
        }
        for epoch in (1, 9) if number % 12 in {0, 2, 3, 7, 11} else (1,):
            loss = (config["a"] - 0.7) ** 2 + float(rng.random()) / epoch
            if number % 11 == 10:
                loss = None
            observations.append({"number": number, "config": config, "epoch": epoch, "loss": loss})
    observations = [observations[index] for index in rng.permutation(len(observations))]
    for seen in observations:
        result = None if seen["loss"] is None else {"loss": seen["loss"]}
        model.new_result(
            SimpleNamespace(
                result=result,
                exception=None,
                kwargs={"budget": seen["epoch"], "config": seen["config"]},
            )
        )
    probes = np.column_stack([rng.uniform(size=40), rng.uniform(size=40), rng.integers(3, size=40)])
    epoch = max(model.kde_models)
    good, bad = model.kde_models[epoch]["good"], model.kde_models[epoch]["bad"]
    document = {
        "observations": observations,
        "epoch": epoch,
        "good": good.data.tolist(),
        "bad": bad.data.tolist(),
        "good_bandwidths": good.bw.tolist(),
        "bad_bandwidths": bad.bw.tolist(),
        "probes": probes.tolist(),
        "good_pdf": good.pdf(probes).tolist(),
        "bad_pdf": bad.pdf(probes).tolist(),
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
