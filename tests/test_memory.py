"""Freed memory stays with the process where glibc allows it, and the user's own settings hold."""

import platform
import subprocess
import sys

import pytest

from alexnet.memory import OWN, keep_freed_memory

FAULTS = """
import resource, numpy as np
from alexnet.memory import keep_freed_memory
{first}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(2**24, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def faults(first: str) -> int:
    program = FAULTS.format(first=first)
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_pages_are_not_faulted_in_again() -> None:
    assert faults("keep_freed_memory()") < faults("import ctypes; ctypes.CDLL(None).mallopt(-3, 2**20)") / 10


@pytest.mark.parametrize("name", OWN)
def test_the_users_settings_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    assert not keep_freed_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps memory as it is told to")
def test_what_is_kept_can_be_given_back():
    program = """
import re
from pathlib import Path
import numpy as np
from alexnet.memory import give_back_memory, keep_freed_memory

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

assert keep_freed_memory()
before = resident()
taken = np.ones(30_000_000)
del taken
kept = resident() - before
give_back_memory()
print(kept, resident() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    kept, left = map(int, done.stdout.split())
    assert kept > 200  # megabytes of 240
    assert left < 60
