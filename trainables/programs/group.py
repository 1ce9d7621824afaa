"""The processes of a trial that runs in several: Ray Train places them and makes them one group.

Ray Train keeps the room that it took until it has ended in an orderly way, or its driver has
ended. So it is started from the process that runs the sweep, and not from a worker, which may
be killed at any time.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainables.programs.rank import serve
from trainables.programs.ranks import gone
from trainables.programs.relay import Relay

PATIENCE_SECONDS = 60.0
"""For the other ranks, after one has come to its end and so joins nothing any more."""
END_SECONDS = 15.0
"""For the relay to give the room back, and for Ray Train to notice."""

_QUIET = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_ENABLE_CONTROLLER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    # Between two looks at whether the processes live; a failure waits for one of them.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1",
    # After this Ray Train asks for room again, and can be told to end in between.
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "5",
}
"""What of Ray Train is not used: folders, metrics, log files and watching of its own."""
_UNUSED = frozenset({"PlacementGroupCleanerCallback", "DatasetsCallback"})
"""Each has a process of its own. Data come another way; and the cleaner asks Ray's dashboard,
without which it cleans nothing and never ends."""


class Group:
    """So many processes that follow orders together; they start at once, in the background.

    Ray places all of them or none, so two groups never wait for each other's half.

    Args:
        settings: of :func:`trainables.programs.rank.serve`, but for its relay.
        workers: processes.
        share: logical CPUs and GPUs of each.

    Attributes:
        relay: actor through which a :class:`trainables.programs.together.TogetherTrial` gives
            them orders.
    """

    def __init__(
        self, settings: Mapping[str, Any], *, workers: int, share: tuple[float, float]
    ) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        actor: Any = ray.remote(Relay)
        placed = actor.options(num_cpus=0, scheduling_strategy=here)
        self.relay: Any = placed.remote(workers, PATIENCE_SECONDS)
        self._workers, self._share = workers, share
        self._ended = threading.Event()
        self._settings = {
            **settings,
            "workers": workers,
            "threads": max(1, int(share[0])),
            "path": [str(Path(folder).absolute()) for folder in sys.path],
            "relay": self.relay,
        }
        self._thread = threading.Thread(target=self._train, name="ray-train", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End all processes, also those that wait for others, and give their room back."""
        with suppress(Exception):  # it may have ended by itself
            self.relay.end.remote()
        self._ended.set()

    @property
    def gone(self) -> bool:
        """It has ended, and its room is given back."""
        return not self._thread.is_alive()

    def join(self, seconds: float = END_SECONDS) -> None:
        """Wait until an ended group is gone: a Ray that is shut down before ends this process."""
        self._thread.join(seconds)

    def _train(self) -> None:
        """Ray Train's ``fit``, which lasts as long as the processes."""
        import ray

        reason = "the processes of the trial ended"
        try:
            self._fit()
        except SystemExit:  # so Ray says to a thread that this process has shut it down
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody else would tell
            found = getattr(error, "worker_failures", None) or {}
            reason = next((gone(*each) for each in found.items()), " ".join(str(error).split()))
        with suppress(Exception):  # Ray may go meanwhile
            if not self._ended.is_set():
                ray.get(self.relay.end.remote(reason), timeout=END_SECONDS)
        self._ended.wait()  # until then somebody may ask for the reason
        with suppress(Exception):
            if ray.is_initialized():
                ray.kill(self.relay)

    def _fit(self) -> None:
        os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
        import fsspec  # type: ignore[import-untyped]  # it has no types
        import pyarrow.fs
        import ray.train
        from ray.train.torch import TorchConfig, TorchTrainer
        from ray.train.v2._internal.execution.callback import ControllerCallback

        relay = self.relay

        class Introduce(ControllerCallback):
            """Tells who can end the group: Ray Train itself says it to nobody."""

            def after_controller_start(self, *_: Any) -> None:
                import ray

                me = ray.get_runtime_context().current_actor
                relay.meet.remote([ray.put(me)])

        class Trainer(TorchTrainer):
            """Without what is not used; where Ray calls it otherwise, that only costs more."""

            def _create_default_callbacks(self) -> list[Any]:
                made = super()._create_default_callbacks()  # type: ignore[misc]  # of v2
                return [one for one in made if type(one).__name__ not in _UNUSED]

        cpus, gpus = self._share
        each = {"CPU": cpus, **({"GPU": gpus} if gpus else {})}
        # Its checkpoints are not used: what it writes all the same is not to be on a disk.
        memory = pyarrow.fs.FSSpecHandler(fsspec.filesystem("memory"))
        made = Trainer(
            serve,
            train_loop_config=self._settings,
            scaling_config=ray.train.ScalingConfig(
                num_workers=self._workers, use_gpu=gpus > 0, resources_per_worker=each
            ),
            # NCCL takes a GPU for one process only.
            torch_config=TorchConfig(backend="nccl" if gpus >= 1 else "gloo"),
            run_config=ray.train.RunConfig(
                name="orch",
                storage_path="/orch",
                storage_filesystem=pyarrow.fs.PyFileSystem(memory),
                callbacks=[Introduce()],  # type: ignore[list-item]  # Ray Train takes it
            ),
        )
        # Importing it took a while. Where no Ray is any more, this would start one.
        if not self._ended.is_set() and ray.is_initialized():
            made.fit()
