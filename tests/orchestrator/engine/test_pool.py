"""What is told of a worker that was lost."""

from __future__ import annotations

import pytest
from ray.exceptions import OutOfMemoryError, RayActorError

from orchestrator.engine.reasons import reason

LOW = (
    "2 worker(s) were killed due to the node running low on memory. Memory on the node was "
    "22.9GB / 24.0GB.\nRefer to the documentation on how to address the out of memory issue: "
    "https://docs.ray.io/en/latest/debug-memory.html. Consider provisioning more memory."
)


@pytest.mark.parametrize("error", [OutOfMemoryError(LOW), RuntimeError(LOW)])
def test_a_worker_that_ray_ended_for_memory_is_told_in_words_not_in_rays_advice(error):
    assert reason(error) == "its node was low on memory, and Ray ended the worker"


def test_a_node_that_died_is_told_in_words():
    error = RuntimeError("The actor died.\nThe actor's node was terminated unexpectedly: health")
    assert reason(error) == "its node is gone"


def test_any_other_loss_is_the_last_line_that_ray_says():
    error = RuntimeError("The actor died.\n\nIts worker exited. Some common causes include: many\n")
    assert reason(error) == "Its worker exited."
    assert reason(RayActorError()) == reason(RayActorError()).strip() != ""
