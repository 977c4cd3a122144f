"""How this process holds memory between two steps."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_BLOCK = 2**30
"""Bytes; blocks up to this come from the heap."""
NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Lets freed memory be used again in place of being given back to the system; False where the C library can't.

    Every step frees and asks for the same large blocks. By default glibc returns each to the kernel, which then clears
    every page of the next: an eighth of a step of the DCGAN on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)) and bool(mallopt(M_TRIM_THRESHOLD, NEVER))
