"""Ray Tune folders written by hand, as Ray 2.x writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


class RayFolder:
    """An experiment; :meth:`trial` adds one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.state = []

    def trial(self, number, config, losses, *, status="TERMINATED", error=None, **more):
        name = f"ab12f_{number:05d}"
        folder = self.path / f"train_{name}_{number}_lr=1_2026-11-21_10-00-00"
        folder.mkdir()
        (folder / "params.json").write_text(json.dumps(config))
        rows = [
            {"valid_loss": loss, "training_iteration": epoch, "trial_id": name, "done": False,
             "timestamp": 1000 + 10 * number + epoch, "time_this_iter_s": 1.0,
             "time_total_s": float(epoch), "hostname": "box", "pid": 7, "config": config, **more}
            for epoch, loss in enumerate(losses, 1)
        ]  # fmt: skip
        (folder / "result.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
        if error:
            (folder / "error.txt").write_text(
                f"Failure # 1\nTraceback\n\x1b[36mboom\x1b[39m\n{error}\n"
            )
            (folder / "error.pkl").write_bytes(b"not to be opened")
        if status:
            static = {"trial_id": name, "status": status, "config": config}
            self.state.append(
                [json.dumps(static), json.dumps({"start_time": 1000.0 + 10 * number})]
            )
            self._write()
        return folder

    def _write(self):
        document = {"trial_data": self.state, "runner_data": {"_metric": "valid_loss"}, "stats": {}}
        (self.path / "experiment_state-2026-11-21_10-00-00.json").write_text(json.dumps(document))


@pytest.fixture
def experiment(tmp_path):
    return RayFolder(tmp_path / "exp")
