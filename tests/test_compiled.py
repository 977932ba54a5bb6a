import os
import subprocess
import sys
from pathlib import Path

import pytest

from alexnet import compiled
from alexnet.compiled import why_not

SMALLEST = Path(compiled.__file__).with_name("compiled.c")
needs_compiler = pytest.mark.skipif(why_not() is not None, reason=f"plain forms only: {why_not()}")


def asked(words: str, **environment: str) -> str:
    """What a fresh process prints."""
    code = f"from alexnet import compiled; print({words})"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()


@needs_compiler
def test_a_library_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    library = compiled._load(SMALLEST, ())
    assert library.threads_of(3) == 3
    (kept,) = (tmp_path / "alexnet").iterdir()
    made = kept.stat().st_mtime_ns
    compiled._load(SMALLEST, ())
    assert kept.stat().st_mtime_ns == made
    compiled._load(SMALLEST, ("OTHER",))
    assert len(list((tmp_path / "alexnet").iterdir())) == 2


def test_where_nothing_is_compiled_it_says_why(tmp_path: Path) -> None:
    assert asked("compiled.why_not()", ALEXNET_COMPILED="0") == "ALEXNET_COMPILED is 0"
    assert asked("compiled.compiled(compiled.Path('x'))", ALEXNET_COMPILED="0") == "None"
    assert "no C compiler" in asked("compiled.why_not()", PATH=str(tmp_path))
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho no such thing >&2\nexit 1\n")
    broken.chmod(0o755)
    answer = asked("compiled.why_not()", PATH=f"{tmp_path}:/bin", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "does not make a library here: no such thing" in answer


@needs_compiler
def test_where_the_cache_cannot_be_written_plain_forms_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = asked("compiled.why_not()", XDG_CACHE_HOME=str(tmp_path / "file"))
    assert "does not make a library here" in answer
    assert "Not a directory" in answer


@needs_compiler
def test_a_file_that_does_not_compile_leaves_the_plain_form_and_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "broken.c"
    broken.write_text("this is no C\n")
    words = f"compiled.compiled(compiled.Path({str(broken)!r})), compiled.why_not()"
    answer = asked(words, XDG_CACHE_HOME=str(tmp_path))
    assert answer.startswith("None ")
    assert "does not compile broken.c" in answer
