import json
import os
import sys
import warnings

import pytest

from alexnet.serving import logs


def lines(said: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in said.splitlines()]


def test_every_line_on_stderr_is_json_also_what_a_library_writes(capfd: pytest.CaptureFixture[str]):
    os.write(2, b"before\n")
    with logs.as_json():
        logs.tell("listening", url="here")
        os.write(2, b"Corrupt JPEG data: \xff 1 extraneous byte\n\n")
        os.write(2, b"x" * 1200 + b"\n" + b"without an end")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("odd", stacklevel=1)
    os.write(2, b"after\n")
    said = capfd.readouterr().err
    assert said.startswith("before\n")
    assert said.endswith("after\n")
    told = lines(said.removeprefix("before\n").removesuffix("after\n"))
    words = [one["words"] for one in told if one["event"] == "words"]
    assert words == [
        "Corrupt JPEG data: \ufffd 1 extraneous byte", "x" * 500, "x" * 500, "x" * 200, "without an end",
    ]  # fmt: skip
    assert {one["level"] for one in told if one["event"] == "words"} == {"warning"}
    assert {"event": "listening", "url": "here"}.items() <= told[0].items()
    assert any("odd" in one["event"] for one in told)


def test_a_library_that_writes_without_end_makes_nobody_wait(capfd: pytest.CaptureFixture[str]):
    with logs.as_json():
        lost = 0
        for _ in range(2000):
            try:
                os.write(2, b"again and again\n" * 50)
            except BlockingIOError:
                lost += 1
    told = lines(capfd.readouterr().err)
    assert lost > 0
    assert told
    assert {one["words"] for one in told} >= {"again and again"}


def test_stderr_is_as_before_also_after_a_failure(capfd: pytest.CaptureFixture[str]):
    with pytest.raises(RuntimeError), logs.as_json():
        raise RuntimeError
    print("plain", file=sys.stderr, flush=True)
    os.write(2, b"words\n")
    assert capfd.readouterr().err == "plain\nwords\n"
