"""Searchers with schedulers, orch's and others', on a simulated clock without training.

    python benchmarks/search.py list                      # problems and methods, what is missing
    python benchmarks/search.py --problems tuning --methods orch --seeds 3 --trainings 25
    python benchmarks/search.py --jobs 2                  # everything; goes on where it stopped
    python benchmarks/search.py report                    # tables in markdown, and a figure

The score is the regret of the best trial so far, by a training seed that the searcher did
not see, after 10, 25, 50 and 100 full trainings' worth of epochs or of seconds, with 1 and
with 4 workers. All methods begin with the same ten configs. The best trial is the one with
the least loss the method saw; it counts as trained as it is, not trained to the end.

Problems say whether searchers may be tuned on them (``tuning``) or not (``release``).

One more pair of orch's is a line in ``benchmarks/search/methods/__init__.py``, or

    --pair '{"name": "mine", "searcher": {"kind": "bohb", "num_samples": 99}, "scheduler": "asha"}'

Results are parquet files below ``--out``, written after every run. Those of a method whose
settings changed are run again; after a change of code, say ``--again``.

Competitors. Optuna and HyperOpt come with orch's own environment. The others have pins that
must not touch it, so they live in one of their own, and add to the same results:

    python -m venv .competitors
    cd .competitors
    bin/pip install numpy scipy pandas statsmodels scikit-learn dill sortedcontainers psutil
    bin/pip install tqdm huggingface_hub pydantic msgspec polars pyarrow hyperopt matplotlib
    bin/pip install --no-deps syne-tune==0.16.0 xgboost-cpu
    bin/pip download --no-deps --no-binary :all: hpbandster==0.7.4
    tar xzf hpbandster-0.7.4.tar.gz
    cd ..
    export PYTHONPATH=.competitors/hpbandster-0.7.4
    .competitors/bin/python benchmarks/search.py --methods syne,hpbandster
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # before numpy: many small matrices, and --jobs
# This folder's modules must not stand for packages of their names; its parent is searched.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

if __name__ == "__main__":
    from benchmarks.search.main import main

    main(__doc__ or "")
