"""Keeping freed memory: glibc gives large blocks back to the system, and each page of the next is faulted in.

A training step takes and frees gigabytes: on a processor that is a sixth of its time (docs/log.md). Beside
it, how much memory is free, and how much this process held at most.
"""

import ctypes
import gc
import os
import platform
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # <malloc.h>
NEVER = -1  # mallopt takes an int: two gigabytes as a threshold are less than a step of AlexNet at 256 images
LARGEST = 2**30  # bytes; blocks above are rare and go back
KILOBYTE = 1 if sys.platform == "darwin" else 1024  # bytes of what getrusage counts in
CONTROL_GROUP = Path("/sys/fs/cgroup")  # Linux, version 2: a container's own limit
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
    return bool(library.mallopt(M_MMAP_THRESHOLD, LARGEST) and library.mallopt(M_TRIM_THRESHOLD, NEVER))


def share_memory_among_threads() -> bool:
    """Let threads begun from now on take memory where the first does, which alone can keep it; whether so.

    glibc gives others places of their own, whose pages are faulted in again for every batch.
    """
    if platform.libc_ver()[0] != "glibc" or "MALLOC_ARENA_MAX" in os.environ:
        return False
    return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1))


def free_memory() -> int:
    """Bytes that a process may still take here without another's going to the disk, as the system guesses."""
    with suppress(OSError):  # Linux
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
        if found:
            return min(int(found[1]) * 1024, _left_in_group())
    page = os.sysconf("SC_PAGE_SIZE")
    if "SC_AVPHYS_PAGES" in os.sysconf_names:
        return page * os.sysconf("SC_AVPHYS_PAGES")
    return page * os.sysconf("SC_PHYS_PAGES") // 2


def _left_in_group(folder: Path = CONTROL_GROUP) -> int:
    """Bytes that the limit of this process's group leaves; files that are only cached count as free."""
    with suppress(OSError, ValueError):
        limit = int((folder / "memory.max").read_text())  # "max" where there is none
        held = int((folder / "memory.current").read_text())
        cached = re.search(r"^inactive_file (\d+)", (folder / "memory.stat").read_text(), re.MULTILINE)
        return max(limit - held + (int(cached[1]) if cached else 0), 0)
    return sys.maxsize


def forget_most() -> int:
    """Bytes that this process holds; the most that it held before is forgotten, where the system can."""
    gc.collect()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak is what is held now
    return most_held()


def most_held() -> int:
    """The most bytes that this process held."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE
