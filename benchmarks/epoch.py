"""What an epoch of a GRU costs: as orch trains it, as most people do, and its products alone.

    python benchmarks/epoch.py                        # seconds per epoch, three sizes
    python benchmarks/epoch.py --accuracy --seeds 5   # and what 20 epochs of h64/l2 learn

Spoken Arabic Digits, batches of 128, one thread. Times are CPU seconds of that thread, the
median over rounds in which the candidates take turns, so a busy machine hurts all alike.

ordinary   a DataLoader that draws series at random and pads each batch to its longest,
           torch.nn.GRU, torch.optim.Adam, clipping, as in torch's tutorials
bucketed   orch's batches of like length, with torch.nn.GRU
orch       what a sweep runs: the same batches through its own GRU, which skips padding
products   the matrix products that the bucketed batches need, and nothing else: per layer
           the inputs of all steps at once and the state step by step; backward, a product
           per step for the state, one for the inputs but in the first layer, and one for
           each of the two matrices
floor      the same products of valid steps alone, all steps at once, which no recurrent
           network can do: a step needs the state of the step before
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from searchspaces import Config, GruSpace, JointSpace, Training
from trainables.architectures.gru import Gru
from trainables.batches import TrainingBatches
from trainables.data import load_sweep_data
from trainables.data.part import Part, SweepData
from trainables.heap import keep_freed_memory
from trainables.learner import Learner, Task
from trainables.outcomes import EpochDone

SIZES = ((16, 2), (64, 2), (128, 3))
BATCH = 128
RATE = 3e-3


class Padded(Gru):
    """The same network through torch's layers, padding and all."""

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        outputs, _ = self.recurrent(values)
        logits: torch.Tensor = self.head(outputs[torch.arange(len(lengths)), lengths - 1])
        return logits


def config_of(hidden: int, layers: int) -> Config:
    """A config of that size; dropout is off."""
    space = GruSpace(
        num_layers=layers,
        hidden_size=hidden,
        dropout=0.0 if layers > 1 else GruSpace.model_fields["dropout"].default,
    )
    return JointSpace(space, Training(learning_rate=RATE, batch_size=BATCH)).validate({})


class Ordinary:
    """The loop of torch's tutorials: no orch in it but the network's size."""

    def __init__(self, config: Config, data: SweepData, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = Padded(config, data.facts)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=0.5, patience=3
        )
        self.train, self.valid = (_loader(part, shuffle=part is data.train)
                                  for part in (data.train, data.valid))  # fmt: skip

    def epoch(self) -> None:
        """Train on every series once."""
        self.model.train()
        for values, lengths, labels in self.train:
            self.optimizer.zero_grad()
            loss = cross_entropy(self.model(values, lengths), labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()

    def measure(self) -> tuple[float, float]:
        """Validation loss and accuracy; the schedule takes note."""
        self.model.eval()
        loss, right, count = 0.0, 0, 0
        with torch.inference_mode():
            for values, lengths, labels in self.valid:
                logits = self.model(values, lengths)
                loss += cross_entropy(logits, labels, reduction="sum").item()
                right += int((logits.argmax(1) == labels).sum())
                count += len(labels)
        self.schedule.step(loss / count)
        return loss / count, right / count


def _loader(part: Part, *, shuffle: bool) -> torch.utils.data.DataLoader:
    series = [
        (torch.from_numpy(values[:length].copy()), int(label))
        for values, length, label in zip(part.values, part.lengths, part.labels, strict=True)
    ]

    def collate(batch: list) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        values, labels = zip(*batch, strict=True)
        lengths = torch.tensor([len(one) for one in values])
        return pad_sequence(values, batch_first=True), lengths, torch.tensor(labels)

    return torch.utils.data.DataLoader(series, BATCH, shuffle=shuffle, collate_fn=collate)


def learner_of(architecture: type[Gru], config: Config, data: SweepData, seed: int) -> Learner:
    """A trial of orch's, with that network."""
    return Learner(architecture, config, Task.of(data), seed=seed)


def train(learner: Learner) -> None:
    """An epoch's training, without the measuring."""
    learner.epoch += 1
    reason = learner._train({})  # noqa: SLF001  # run_epoch would measure too
    if reason:
        raise RuntimeError(reason)


def products(config: Config, data: SweepData) -> Callable[[], None]:
    """Does the products of one epoch's bucketed batches."""
    hidden, layers = config["hidden_size"], config["num_layers"]
    shapes = [batch.values.shape[:2] for batch in TrainingBatches(data.train).epoch(
        BATCH, seed=0, epoch=1)]  # fmt: skip
    most = max(batch * steps for batch, steps in shapes)
    sizes = [data.facts.features] + [hidden] * (layers - 1)
    weights = [(torch.randn(3 * hidden, size), torch.randn(3 * hidden, hidden)) for size in sizes]
    inputs = [torch.randn(most, size) for size in sizes]
    states, gradients = torch.randn(most, hidden), torch.randn(most, 3 * hidden)
    gates, back = torch.empty(most, 3 * hidden), torch.empty(most, hidden)

    def run() -> None:
        for batch, steps in shapes:
            rows = batch * steps
            for layer, (into, through) in enumerate(weights):
                x, h, d = inputs[layer][:rows], states[:rows], gradients[:rows]
                torch.mm(x, into.t(), out=gates[:rows])
                for one in h.split(batch):
                    torch.mm(one, through.t(), out=gates[: len(one)])
                for one in d.split(batch):
                    torch.mm(one, through, out=back[: len(one)])
                torch.mm(d.t(), h)
                torch.mm(d.t(), x)
                if layer:
                    torch.mm(d, into, out=back[:rows])

    return run


def floor(config: Config, data: SweepData) -> Callable[[], None]:
    """Does the products of one epoch's valid steps as if no step waited for another."""
    hidden, layers = config["hidden_size"], config["num_layers"]
    batches = TrainingBatches(data.train).epoch(BATCH, seed=0, epoch=1)
    counts = [int(batch.lengths.sum()) for batch in batches]
    sizes = [data.facts.features] + [hidden] * (layers - 1)
    inputs = [torch.randn(max(counts), size) for size in sizes]
    states, gates = torch.randn(max(counts), hidden), torch.randn(max(counts), 3 * hidden)
    weights = [(torch.randn(3 * hidden, size), torch.randn(3 * hidden, hidden)) for size in sizes]

    def run() -> None:
        for rows in counts:
            h, d = states[:rows], gates[:rows]
            for layer, (into, through) in enumerate(weights):
                x = inputs[layer][:rows]
                for there, matrix in ((x, into), (h, through)):
                    torch.mm(there, matrix.t())
                    torch.mm(d.t(), there)
                    if layer or there is h:
                        torch.mm(d, matrix)

    return run


def seconds(rounds: int, candidates: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median CPU seconds of each candidate over rounds in which they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, run in candidates.items():
            begun = time.thread_time()
            run()
            if number:  # the first round warms up
                taken[name].append(time.thread_time() - begun)
    return {name: statistics.median(values) for name, values in taken.items()}


def speed(data: SweepData, rounds: int) -> Iterator[str]:
    """The table, a line a size."""
    names = ("ordinary", "bucketed", "orch", "products", "floor")
    yield (
        f"{'size':<9}"
        + "".join(f"{name:>10}" for name in names)
        + ("  ordinary/orch  orch/products  orch/floor")
    )
    for hidden, layers in SIZES:
        config = config_of(hidden, layers)
        ordinary = Ordinary(config, data, seed=0)
        padded, ours = (learner_of(kind, config, data, 0) for kind in (Padded, Gru))
        found = seconds(
            rounds,
            {
                "ordinary": ordinary.epoch,
                "bucketed": lambda learner=padded: train(learner),
                "orch": lambda learner=ours: train(learner),
                "products": products(config, data),
                "floor": floor(config, data),
            },
        )
        yield f"h{hidden}/l{layers}".ljust(9) + "".join(
            f"{found[name]:>8.2f} s" for name in names
        ) + (f"{found['ordinary'] / found['orch']:>13.2f} x"
             f"{found['orch'] / found['products']:>13.2f} x"
             f"{found['orch'] / found['floor']:>10.2f} x")  # fmt: skip


def accuracy(data: SweepData, seeds: int, epochs: int) -> Iterator[str]:
    """What the ordinary loop and orch's learn in as many epochs, over seeds."""
    config = config_of(64, 2)
    found: dict[str, list[tuple[float, float]]] = {"ordinary": [], "orch": []}
    for seed in range(seeds):
        ordinary = Ordinary(config, data, seed)
        for _ in range(epochs):
            ordinary.epoch()
            last = ordinary.measure()
        found["ordinary"].append(last)
        learner = learner_of(Gru, config, data, seed)
        outcomes = [learner.run_epoch() for _ in range(epochs)]
        done = outcomes[-1]
        if not isinstance(done, EpochDone):
            raise TypeError(done.reason)
        found["orch"].append((done.metrics["valid_loss"], done.metrics["accuracy"]))
    yield f"h64/l2 after {epochs} epochs, {seeds} seeds: mean and standard deviation"
    for name, values in found.items():
        losses, rights = zip(*values, strict=True)
        yield f"{name:<9} valid_loss {_spread(losses)}   accuracy {_spread(rights)}"


def _spread(values: tuple[float, ...]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return f"{statistics.mean(values):.4f} ± {deviation:.4f}"


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each candidate")
    parser.add_argument("--accuracy", action="store_true", help="train for --epochs instead")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as every worker does; it helps all candidates
    data = load_sweep_data("spoken-arabic-digits")
    lines = (
        accuracy(data, given.seeds, given.epochs) if given.accuracy else speed(data, given.rounds)
    )
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
