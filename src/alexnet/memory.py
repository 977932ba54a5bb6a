"""Keeping freed memory: glibc gives large blocks back to the system, and each page of the next is faulted in.

A training step takes and frees gigabytes: on a processor that is a sixth of its time (docs/log.md).
"""

import ctypes
import os
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
LARGEST = 2**30  # bytes; blocks above are rare and go back
OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES")


def give_back_memory() -> None:
    """Give the system what this process has freed; the next step's pages are faulted in again."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, for its next step; whether it does.

    Only where the C library is glibc, and not where the user has settings of their own (`MALLOC_…_`,
    `GLIBC_TUNABLES`).
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in OWN):
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(M_MMAP_THRESHOLD, LARGEST) and library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
