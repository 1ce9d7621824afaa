"""LightningModules, trained by Lightning's own Trainer, an epoch at a time.

The Trainer runs in a thread of its own and stands still at the start of each epoch until
the next one is asked for, so every hook of the module runs as Lightning runs it. What
Lightning would write to a checkpoint file goes through a ``CheckpointIO`` of orch's
instead, and from there to safetensors and JSON.
"""

from __future__ import annotations

import inspect
import logging
import queue
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from searchspaces.errors import ConfigurationError, UsageError
from searchspaces.registry import load_object
from trainables.programs.find import is_lightning
from trainables.programs.function import FunctionTrial, State, seed_all

if TYPE_CHECKING:
    from trainables.data.folds import FoldedData
    from trainables.data.part import Part, SweepData

BATCH = 64
"""Series in a batch of loaders that orch makes, where the config has no ``batch_size``."""

ACCELERATORS = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "mps": "mps"}
"""Lightning's names of devices."""

_FROM_CONFIG = ("hyper_parameters", "hparams_name", "hparams_type")
"""Parts of Lightning's checkpoints that the trial's config gives, and that may be any object."""

_OURS = ("max_epochs", "plugins", "check_val_every_n_epoch")
"""Settings of the Trainer that would keep an epoch from being one."""


class LightningTrial(FunctionTrial):
    """Trains a LightningModule as if it were a training function."""

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self,
        *,
        target: str,
        epochs: int,
        device: str = "auto",
        data: SweepData | FoldedData | None = None,
    ) -> None:
        """Import the module.

        Args:
            target: ``module:Class``.
            epochs: of a trial that is never stopped.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
            data: for modules that have no data loaders of their own.

        Raises:
            ConfigurationError: it does not load, or is no LightningModule.
        """
        module = load_object("architecture", target, target)
        if not isinstance(module, type) or not is_lightning(module):
            raise ConfigurationError(f"{target} is no LightningModule.", place="architecture")

        def train(config: dict[str, Any], state: State) -> Generator[dict[str, float], None, None]:
            yield from epochs_of(module, config, state, accelerator=ACCELERATORS[device])

        self._take(train, target, epochs, data)


def epochs_of(
    module: type[Any], config: dict[str, Any], state: State, *, accelerator: str = "auto"
) -> Generator[dict[str, float], None, None]:
    """The epochs of a module: what it logged in each, and at the end of it its state.

    Args:
        module: class of the module; takes ``config``, or ``config`` and the facts of the data.
            Its attribute ``trainer_settings``, if it has one, is a mapping of further
            arguments of Lightning's Trainer.
        config: of the trial.
        state: of the trial.
        accelerator: as Lightning calls it.
    """
    lightning = _package(module)
    kept = state.load()
    made = _made(module, config, state)
    loaders = _loaders(lightning, made, int(config.get("batch_size", BATCH)), state)
    fit = _Fit(lightning, made, loaders, state, accelerator, kept)
    try:
        while (metrics := fit.epoch()) is not None:
            if not metrics:
                raise UsageError(
                    f"{module.__name__} logged no metric in epoch {state.epoch + 1}. "
                    f"Write self.log('valid_loss', loss) in validation_step."
                )
            state.save(fit.checkpoint)
            yield metrics
    finally:
        fit.close()


class _Closed(BaseException):
    """The trial is over: raised where the Trainer stands, to have it end."""


class _Fit:
    """A Trainer that fits in a thread, one epoch for each call of :meth:`epoch`.

    Attributes:
        checkpoint: what Lightning would have written at the end of the last epoch.
    """

    def __init__(
        self,
        lightning: Any,
        module: Any,
        loaders: dict[str, Any],
        state: State,
        accelerator: str,
        kept: Any,
    ) -> None:
        self.checkpoint: dict[str, Any] = {}
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._turns: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._first = True
        _quiet(lightning.__name__)
        settings = _settings(module)
        callbacks = settings.pop("callbacks", None) or []
        callbacks = callbacks if isinstance(callbacks, list) else [callbacks]
        self._state, self._goes_on = state, kept is not None
        trainer = lightning.Trainer(
            **{
                "accelerator": accelerator,
                "devices": 1,
                "logger": False,
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "num_sanity_val_steps": 0,
                **settings,
            },
            max_epochs=state.epochs,
            callbacks=[
                *callbacks,
                _stopper(lightning, self._starts, self._epoch_starts, self._ended),
            ],
            plugins=[_checkpoints(lightning, self, kept)],
        )
        path = None if kept is None else "kept by orch"
        self._thread = threading.Thread(
            target=self._run, args=(trainer, module, loaders, path), daemon=True
        )

    def epoch(self) -> dict[str, float] | None:
        """Let the Trainer run to the end of the next epoch; None when it has no more.

        Raises:
            Exception: whatever the module raises.
        """
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._turns.put(True)
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        found: dict[str, float] | None = answer
        return found

    def close(self) -> None:
        """End the Trainer where it stands."""
        self._turns.put(False)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self, trainer: Any, module: Any, loaders: dict[str, Any], path: str | None) -> None:
        try:
            trainer.fit(module, ckpt_path=path, **loaders)
            self._answers.put(None)
        except _Closed:
            pass
        except BaseException as error:  # noqa: BLE001  # it is raised in the worker's thread
            self._answers.put(error)

    def _starts(self) -> None:
        """The module is made, which may have drawn, and no batch is."""
        if self._goes_on:
            seed_all(self._state.seed, self._state.epoch)

    def _epoch_starts(self, trainer: Any) -> None:
        """All of the last epoch is over, its schedules too: tell it, and stand still."""
        if self._first:
            self._first = False
            return
        # As the epoch would do next itself; else a Trainer that goes on from here would take
        # the epoch that starts for one that has run.
        loop = trainer.fit_loop.epoch_loop
        loop.batch_progress.reset_on_run()
        loop.scheduler_progress.reset_on_run()
        loop.automatic_optimization.optim_progress.reset_on_run()
        loop.val_loop.batch_progress.total.reset()
        self._tell(trainer)

    def _ended(self, trainer: Any) -> None:
        """There is no further epoch that could start."""
        if not self._first:
            self._tell(trainer)

    def _tell(self, trainer: Any) -> None:
        trainer.save_checkpoint("for orch")
        self._answers.put(_numbers(trainer.callback_metrics))
        if not self._turns.get():
            raise _Closed


def _package(module: type[Any]) -> Any:
    """The Lightning that the module is of: ``pytorch_lightning`` or ``lightning.pytorch``."""
    names = ("pytorch_lightning", "lightning.pytorch")
    return next(
        sys.modules[name]
        for name in names
        if name in sys.modules and issubclass(module, sys.modules[name].LightningModule)
    )


def _made(module: type[Any], config: dict[str, Any], state: State) -> Any:
    facts = () if state.data is None else (state.data.facts,)
    for arguments in ((config, *facts), (config,)):
        if _takes(module, len(arguments)):
            return module(*arguments)
    if state.data is None and _takes(module, 2):
        raise ConfigurationError(
            f"{module.__name__} takes the facts of a data set, and the sweep names none. "
            f"Give --dataset, or write __init__(self, config)."
        )
    raise ConfigurationError(
        f"{module.__name__}{inspect.signature(module)} cannot be made. "
        f"Write __init__(self, config), or __init__(self, config, facts) with a data set."
    )


def _takes(module: type[Any], count: int) -> bool:
    try:
        inspect.signature(module).bind(*range(count))
    except TypeError:
        return False
    return True


def _quiet(package: str) -> None:
    """What Lightning says at each start is about this process, and there are many trials."""
    logger = logging.getLogger(package)
    if logger.level == logging.INFO:  # Lightning's default; whoever wants another has set it
        logger.setLevel(logging.WARNING)


def _settings(module: Any) -> dict[str, Any]:
    """What the module wants of its Trainer.

    Raises:
        ConfigurationError: orch has to say that itself.
    """
    found = dict(getattr(module, "trainer_settings", {}))
    taken = next((name for name in _OURS if name in found), None)
    if taken is not None:
        raise ConfigurationError(
            f"trainer_settings of {type(module).__name__}: {taken} is orch's, which asks for the "
            f"metrics of each epoch. Leave it out."
        )
    return found


def _loaders(lightning: Any, module: Any, size: int, state: State) -> dict[str, Any]:
    """Arguments of ``fit``: loaders of the sweep's data, if the module has none of its own.

    A batch is values (batch, steps, features), lengths (batch,) and labels (batch,).
    """
    if type(module).train_dataloader is not lightning.LightningModule.train_dataloader:
        return {}
    if state.data is None:
        raise ConfigurationError(
            f"{type(module).__name__} has no train_dataloader, and the sweep names no data set. "
            f"Write one, or give --dataset."
        )
    import torch

    def loader(part: Part, *, shuffle: bool) -> Any:
        def batch(rows: list[int]) -> tuple[Any, ...]:
            lengths = np.asarray(part.lengths[rows])
            values = np.array(part.values[rows, : int(lengths.max())])
            arrays = (values, lengths.astype(np.int64), np.asarray(part.labels[rows]))
            return tuple(torch.from_numpy(array) for array in arrays)

        rows: Any = range(len(part))
        return torch.utils.data.DataLoader(rows, size, shuffle=shuffle, collate_fn=batch)

    return {
        "train_dataloaders": loader(state.data.train, shuffle=True),
        "val_dataloaders": loader(state.data.valid, shuffle=False),
    }


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def _stopper(
    lightning: Any,
    starts: Callable[[], None],
    epoch_starts: Callable[[Any], None],
    ended: Callable[[Any], None],
) -> Any:
    """A callback that gives the turn back between epochs."""

    class Stopper(lightning.Callback):  # type: ignore[misc]  # Lightning is there or not
        """Calls back at the start, at the start of each epoch and after the last."""

        def on_fit_start(self, _: Any, __: Any) -> None:
            starts()

        def on_train_epoch_start(self, trainer: Any, _: Any) -> None:
            epoch_starts(trainer)

        def on_train_end(self, trainer: Any, _: Any) -> None:
            ended(trainer)

    return Stopper()


def _checkpoints(lightning: Any, fit: _Fit, kept: Any) -> Any:
    """A ``CheckpointIO`` that hands checkpoints over as they are, and writes none."""

    class Handed(lightning.plugins.io.CheckpointIO):  # type: ignore[misc]  # as above
        """Keeps the last checkpoint; gives the one the trial goes on from."""

        def save_checkpoint(self, checkpoint: dict[str, Any], *_: Any, **__: Any) -> None:
            fit.checkpoint = {
                name: value for name, value in checkpoint.items() if name not in _FROM_CONFIG
            }

        def load_checkpoint(self, *_: Any, **__: Any) -> Any:
            return kept

        def remove_checkpoint(self, *_: Any) -> None: ...

    return Handed()
