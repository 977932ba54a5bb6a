"""The examples run from their first line to their last."""

import csv
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "columns"), [("cifar10", 2), ("breeds", None)])
def test_a_competition_ends_in_a_submission_that_beats_guessing(data, tmp_path, kind, columns):
    command = [
        sys.executable, ROOT / "examples" / "competition.py", kind, data, tmp_path, "--time", "60s",
        "--pictures", "2000",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    with (tmp_path / kind / "submission.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
    with (tmp_path / kind / "sampleSubmission.csv").open(newline="") as file:
        asked = list(csv.reader(file))
    assert header == asked[0]
    assert [row[0] for row in rows] == [row[0] for row in asked[1:]]
    error = float(done.stdout.rsplit(":", 1)[1].rstrip(" %\n"))
    classes = 10 if kind == "cifar10" else len(header) - 1
    assert error < 100 * (1 - 1.5 / classes)
    if columns is None:
        assert all(abs(sum(map(float, row[1:])) - 1) < 1e-3 for row in rows)
