"""C files of this package, compiled at first use by the machine's own compiler and kept in the user's cache.

A compiled form is never needed: each stands beside its plain form in torch, and where there is no compiler
the plain one works. `ALEXNET_COMPILED=0` asks for the plain forms.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang")
# no -ffast-math: sums keep their order and roots are exact to the last bit, as in torch
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math")
WIDE = ("-mprefer-vector-width=512",) if platform.machine() in ("x86_64", "AMD64") else ()
LINKING = ("-fopenmp", "-shared", "-fPIC", "-lm")
PATIENCE = 60  # seconds for one file


def compiled(source: Path, *definitions: str) -> ctypes.CDLL | None:
    """The library made of a C file with these macros defined, or None where plain forms do its work."""
    return _loaded(source, definitions) if _hindrance() is None else None


def why_not() -> str | None:
    """Why plain forms work here, in words; None where compiled ones do."""
    return _hindrance() or next(iter(_FAILED.values()), None)


_FAILED: dict[str, str] = {}
"""Files that did not compile though the smallest did, and why."""


@cache
def _hindrance() -> str | None:
    if os.environ.get("ALEXNET_COMPILED") == "0":
        return "ALEXNET_COMPILED is 0"
    if platform.system() != "Linux":
        return f"compiled forms are for Linux, this is {platform.system()}"
    if _compiler() is None:
        return f"there is no C compiler ({', '.join(COMPILERS)}) here"
    return _fault()


@cache
def _compiler() -> str | None:
    return next((found for name in COMPILERS if (found := shutil.which(name))), None)


@cache
def _fault() -> str | None:
    """What goes wrong when the smallest library is made and loaded; None if nothing does."""
    try:
        _load(Path(__file__).with_name("compiled.c"), ())
    except (OSError, subprocess.SubprocessError) as error:
        return f"{_compiler()} does not make a library here: {_first_line(error)}"
    return None


@cache
def _loaded(source: Path, definitions: tuple[str, ...]) -> ctypes.CDLL | None:
    try:
        return _load(source, definitions)
    except (OSError, subprocess.SubprocessError) as error:
        _FAILED[source.name] = f"{_compiler()} does not compile {source.name}: {_first_line(error)}"
        return None


def _first_line(error: Exception) -> str:
    detail = getattr(error, "stderr", None) or str(error)
    return str(detail).strip().splitlines()[0]


def _load(source: Path, definitions: tuple[str, ...]) -> ctypes.CDLL:
    command = [str(_compiler()), *FLAGS, *WIDE, *(f"-D{name}" for name in definitions), str(source), *LINKING]
    library = folder() / f"{source.stem}-{_key(source, definitions)}.so"
    if not library.exists():
        _compile(command, library)
    return ctypes.CDLL(str(library))


def _compile(command: list[str], library: Path) -> None:
    library.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # several processes may come here at once: each writes a file of its own, and the last rename stands
    with tempfile.TemporaryDirectory(dir=library.parent) as aside:
        made = Path(aside) / library.name
        subprocess.run(
            [*command, "-o", str(made)], check=True, capture_output=True, text=True, timeout=PATIENCE
        )
        made.replace(library)


def folder() -> Path:
    """Where compiled libraries are kept: `alexnet` in the user's cache."""
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache_home) / "alexnet"


def _key(source: Path, definitions: tuple[str, ...]) -> str:
    """What a library depends on: its source, the command, and the processor that -march=native means."""
    command = " ".join((*FLAGS, *WIDE, *definitions, *LINKING)).encode()
    return hashlib.sha256(b"\n".join((command, source.read_bytes(), _processor()))).hexdigest()[:16]


def _processor() -> bytes:
    described = Path("/proc/cpuinfo")
    if not described.exists():
        return platform.processor().encode()
    lines = described.read_bytes().split(b"\n\n")[0].splitlines()
    return b"\n".join(line for line in lines if line.startswith((b"model name", b"flags", b"Features")))
