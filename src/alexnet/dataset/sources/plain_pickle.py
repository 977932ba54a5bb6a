"""Reads a pickle of plain containers and uint8 arrays: no class of any library is ever built.

A pickle may call whatever it names, so it is never loaded. CIFAR's Python version is one all the same: here
the three names that a NumPy array's pickle uses stand for records of our own, every other name is refused.
Source: the pickle protocol (PEP 307, __reduce__ and __setstate__) and numpy.ndarray.__reduce__.
"""

import pickle
from io import BytesIO
from typing import Any

import numpy as np

from alexnet.problem import Problem


class _Kind:
    """Stands for numpy.ndarray where a pickle names it."""


class _Dtype:
    """Stands for numpy.dtype: keeps its name."""

    def __init__(self, name: Any, *_flags: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Byte order and fields say nothing about unsigned bytes."""


class _Array:
    """Stands for an array while its pickle is read: keeps shape and bytes."""

    def __init__(self, *_prototype: Any) -> None:
        self.pixels: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        """Take (version, shape, dtype, column order, bytes) of unsigned bytes in row order."""
        try:
            _version, shape, dtype, by_columns, values = state
            if dtype.name not in ("u1", b"u1") or by_columns or not isinstance(values, bytes):
                raise ValueError("not unsigned bytes in row order")
            self.pixels = np.frombuffer(values, np.uint8).reshape(shape)
        except (TypeError, ValueError, AttributeError) as error:
            raise pickle.UnpicklingError(f"an array of another kind: {error}") from error


_STANDS_FOR: dict[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Kind,
    ("numpy", "dtype"): _Dtype,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        try:
            return _STANDS_FOR[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None


def read_plain_pickle(content: bytes) -> Any:
    """Dictionaries, lists, text, numbers and uint8 arrays; anything else in the pickle is a Problem."""
    try:
        found = _PlainUnpickler(BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle raises whatever its opcodes lead to
        raise Problem(f"refused, no plain pickle of containers and arrays: {error}") from error
    if isinstance(found, dict):
        return {key: value.pixels if isinstance(value, _Array) else value for key, value in found.items()}
    return found
