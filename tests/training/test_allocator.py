"""Memory between two steps."""

import subprocess
import sys

STEPS = """
import resource, sys, torch
from training.allocator import keep_freed_memory
kept = sys.argv[1] == "kept" and keep_freed_memory()
for _ in range(10):
    torch.ones(10_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_a_block_that_was_freed_is_not_cleared_again_by_the_system() -> None:
    """Counted in page faults, of which 40 MB have about ten thousand."""
    usual, kept = (
        int(subprocess.run([sys.executable, "-c", STEPS, how], check=True, capture_output=True).stdout)
        for how in ("usual", "kept")
    )

    assert kept < usual / 10
