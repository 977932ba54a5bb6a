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
