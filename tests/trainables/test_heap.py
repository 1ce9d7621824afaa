"""Freed memory is kept, where the allocator can be told."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CODE = """
import resource, torch
from trainables.heap import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(5_000_000 // 4).add_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
assert keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is not glibc")
def test_a_tensor_takes_the_pages_of_the_one_freed_before():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200  # 20 tensors of 1,221 pages each
