"""Small networks that are really trained, in numpy, while the benchmark runs."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.problems.base import NoTraining, Problem, fingerprint
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
)

Array = NDArray[np.float32]


class NetworkSpace(SearchSpace):
    """A perceptron and its training."""

    num_layers: IntParam = Int(1, 3)
    hidden_size: IntParam = Int(4, 64, log=True)
    activation: ChoiceParam = Choice(("relu", "tanh"))
    dropout: FloatParam = Float(0.0, 0.5)
    optimizer: ChoiceParam = Choice(("sgd", "adam"))
    learning_rate: FloatParam = Float(1e-4, 1.0, log=True)
    momentum: FloatParam = Float(0.0, 0.98, when={"optimizer": ("sgd",)})
    beta: FloatParam = Float(0.9, 0.9999, when={"optimizer": ("adam",)})
    weight_decay: FloatParam = Float(1e-6, 1e-1, log=True)
    batch_size: IntParam = Int(8, 128, powers_of=2)


class Networks(Problem):
    """Base: a classifier of some data; the loss is the validation cross-entropy in nats."""

    exact = False
    reference: ClassVar[float]
    """The least loss of an unseen seed that searches of 200 and 300 full trainings found."""

    @property
    def optimum(self) -> float:
        """What a long search found."""
        return self.reference

    def make_space(self) -> JointSpace:
        """A perceptron's."""
        return JointSpace(NetworkSpace(), NoTraining())

    @abstractmethod
    def make_data(self) -> tuple[Any, Any]:
        """Inputs (2n, d) and labels (2n,), shuffled; the first half is trained on."""

    @cached_property
    def data(self) -> tuple[Array, Any, Array, Any]:
        """Inputs and labels to train and to validate on, inputs standardised."""
        x, y = self.make_data()
        half = len(x) // 2
        mean, spread = x[:half].mean(axis=0), x[:half].std(axis=0) + 1e-3
        x = ((x - mean) / spread).astype(np.float32)
        return x[:half], y[:half], x[half:], y[half:]

    def train(self, config: Config, seed: int) -> Iterator[float]:
        """Train an epoch whenever a loss is asked for; it is capped where it diverges."""
        x, y, x_valid, y_valid = self.data
        classes = int(y.max()) + 1
        cap = 2 * math.log(classes)
        rng = np.random.default_rng([seed, fingerprint(config)])
        network = _Network(config, x.shape[1], classes, rng)
        size = config["batch_size"]
        with np.errstate(all="ignore"):
            while True:
                order = rng.permutation(len(x))
                for start in range(0, len(x), size):
                    rows = order[start : start + size]
                    network.step(x[rows], y[rows])
                loss = network.loss(x_valid, y_valid)
                yield min(loss, cap) if math.isfinite(loss) else cap

    def seconds(self, config: Config) -> float:
        """Steps are dearer than what is in them, as on a small machine."""
        steps = len(self.data[0]) / config["batch_size"]
        work = config["num_layers"] * (0.3 + config["hidden_size"] / 100)
        return float(steps * (0.05 + 0.05 * work) + 0.3 * work)


class _Network:
    """A perceptron with its optimizer's state."""

    def __init__(self, config: Config, inputs: int, classes: int, rng: np.random.Generator) -> None:
        widths = [inputs, *[config["hidden_size"]] * config["num_layers"], classes]
        self.relu = config["activation"] == "relu"
        gain = 2.0 if self.relu else 1.0
        self.weights: list[Array] = []
        for fan_in, fan_out in pairwise(widths):
            drawn = rng.standard_normal((fan_in, fan_out), dtype=np.float32)
            self.weights.append(drawn * np.float32(math.sqrt(gain / fan_in)))
            self.weights.append(np.zeros(fan_out, dtype=np.float32))
        self.first = [np.zeros_like(weight) for weight in self.weights]
        self.second = [np.zeros_like(weight) for weight in self.weights]
        self.config, self.rng, self.steps = config, rng, 0

    def step(self, x: Array, y: Any) -> None:
        """One gradient step on a batch."""
        keep = 1.0 - self.config["dropout"]
        inputs, slopes = [], []
        for layer in range(0, len(self.weights) - 2, 2):
            inputs.append(x)
            x = x @ self.weights[layer] + self.weights[layer + 1]
            x = np.maximum(x, 0) if self.relu else np.tanh(x)
            slope = (x > 0).astype(np.float32) if self.relu else 1 - x * x
            if keep < 1:
                mask = (self.rng.random(x.shape, dtype=np.float32) < keep) / np.float32(keep)
                x, slope = x * mask, slope * mask
            slopes.append(slope)
        inputs.append(x)
        error = _softmax(x @ self.weights[-2] + self.weights[-1])
        error[np.arange(len(y)), y] -= 1
        error /= len(y)
        gradients: list[Array] = []
        for layer in range(len(inputs) - 1, -1, -1):
            gradients[:0] = [inputs[layer].T @ error, error.sum(axis=0)]
            if layer:
                error = (error @ self.weights[2 * layer].T) * slopes[layer - 1]
        self.update(gradients)

    def update(self, gradients: list[Array]) -> None:
        """Momentum or Adam, with decoupled weight decay."""
        config = self.config
        rate, decay = config["learning_rate"], config["weight_decay"]
        self.steps += 1
        adam = config["optimizer"] == "adam"
        one, two = (0.9, config["beta"]) if adam else (config["momentum"], 0.0)
        for index, gradient in enumerate(gradients):
            weight, first = self.weights[index], self.first[index]
            if weight.ndim == 2:
                weight *= np.float32(1 - min(rate * decay, 1.0))
            first *= np.float32(one)
            if not adam:
                first += gradient
                weight -= np.float32(rate) * first
                continue
            first += np.float32(1 - one) * gradient
            second = self.second[index]
            second *= np.float32(two)
            second += np.float32(1 - two) * gradient * gradient
            size = rate * math.sqrt(1 - two**self.steps) / (1 - one**self.steps)
            weight -= np.float32(size) * first / (np.sqrt(second) + np.float32(1e-8))

    def loss(self, x: Array, y: Any) -> float:
        """Mean cross-entropy without dropout."""
        for layer in range(0, len(self.weights) - 2, 2):
            x = x @ self.weights[layer] + self.weights[layer + 1]
            x = np.maximum(x, 0) if self.relu else np.tanh(x)
        scores = (x @ self.weights[-2] + self.weights[-1]).astype(np.float64)
        scores -= scores.max(axis=1, keepdims=True)
        chosen = scores[np.arange(len(y)), y]
        return float(np.mean(np.log(np.exp(scores).sum(axis=1)) - chosen))


def _softmax(scores: Array) -> Array:
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = scores / scores.sum(axis=1, keepdims=True)
    return shares


class Spirals(Networks):
    """Three spirals in the plane, with noise and four inputs that mean nothing."""

    name = "spirals"
    use = "tuning"
    about = "perceptrons really trained on three spirals, 400 points"
    reference = 0.1038

    def make_data(self) -> tuple[Any, Any]:
        """800 points."""
        rng = np.random.default_rng(15)
        labels = rng.integers(0, 3, 800)
        along = np.sqrt(rng.random(800))
        angle = 5.5 * along + labels * 2 * np.pi / 3 + rng.normal(0, 0.22, 800)
        plane = np.stack([along * np.cos(angle), along * np.sin(angle)], axis=1)
        return np.concatenate([plane, rng.normal(size=(800, 4))], axis=1), labels


class Digits(Networks):
    """Handwritten digits, 8 x 8 pixels, a tenth of the labels to train on wrong."""

    name = "digits"
    use = "tuning"
    about = "perceptrons really trained on 450 handwritten digits, some labels wrong"
    reference = 0.1963

    def missing(self) -> str:
        """Whether scikit-learn, which ships the data, is here."""
        try:
            import sklearn.datasets  # noqa: F401  # only whether it is there
        except ImportError as error:
            return f"{error}. Run: pip install scikit-learn"
        return ""

    def make_data(self) -> tuple[Any, Any]:
        """900 of the images."""
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        rng = np.random.default_rng(15)
        some = rng.permutation(len(images))[:900]
        x, y = images[some], labels[some].copy()
        wrong = rng.random(450) < 0.1
        y[:450][wrong] = rng.integers(0, 10, int(wrong.sum()))
        return x, y


PROBLEMS = (Spirals, Digits)
