from pathlib import Path

import numpy as np
import pytest

from alexnet.dataset.examination.rows import ROW, temporary_rows
from alexnet.problem import Problem


def block(count: int, first: int) -> np.ndarray:
    rows = np.zeros(count, ROW)
    rows["digest"] = np.arange(first, first + count)[:, None] * [1, 2]
    rows["rendering"] = (np.arange(first, first + count) % 256)[:, None, None, None]
    rows["reason"] = -1
    return rows


def test_columns_come_back_block_by_block_and_the_folder_goes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_rows() as rows:
        assert rows.column("digest").shape == (0, 2)
        for first in (0, 5, 6):
            rows.append(block(5 if first != 5 else 1, first))
        assert rows.count == 11
        assert rows.column("digest")[:, 1].tolist() == [2 * number for number in range(11)]
        assert rows.column("rendering").shape == (11, 8, 8, 3)
        assert rows.column("reason").tolist() == [-1] * 11
        with pytest.raises(ValueError, match="read-only"):
            rows.column("label")[0] = 1
        assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_a_problem_that_names_the_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_rows() as rows:

        class Full:
            def write(self, content: bytes) -> int:
                raise OSError(28, "No space left on device")

            def flush(self) -> None: ...

        monkeypatch.setitem(rows._files, "digest", Full())
        with pytest.raises(Problem, match=r"alexnet-doctor-.*No space left on device; free some space"):
            rows.append(block(1, 0))
