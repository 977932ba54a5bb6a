"""The tables of results: rows are added, or take the place of older ones."""

import importlib.util
from operator import itemgetter
from pathlib import Path
from types import ModuleType

import pytest

COLUMNS = ("name", "seed", "error")


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    path = Path(__file__).parent.parent / "results" / "tables.py"
    spec = importlib.util.spec_from_file_location("tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(name: str, seed: int, error: float) -> dict[str, object]:
    return dict(zip(COLUMNS, (name, seed, error), strict=True))


def test_without_a_key_rows_only_ever_gain(tables: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "race.csv"
    tables.add(table, COLUMNS, [row("b", 0, 2.5)])
    tables.add(table, COLUMNS, [row("a", 0, 1.5), row("b", 0, 2.5)])
    assert table.read_text() == "name,seed,error\nb,0,2.5\na,0,1.5\nb,0,2.5\n"


def test_rows_of_the_same_key_are_replaced_and_sorted(tables: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "errors.csv"
    tables.add(table, COLUMNS, [row("b", 0, 2.5), row("b", 1, 3.5)])
    tables.add(
        table, COLUMNS, [row("b", 0, 9.5), row("a", 2, 1.5)], key=COLUMNS[:2], order=itemgetter("name")
    )
    found = [tuple(one.values()) for one in tables.rows_of(table)]
    assert found == [("a", "2", "1.5"), ("b", "1", "3.5"), ("b", "0", "9.5")]


def test_what_cannot_be_written_leaves_the_table_as_it_was(tables: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "race.csv"
    tables.add(table, COLUMNS, [row("a", 0, 1.5)])
    before = table.read_bytes()
    with pytest.raises(ValueError, match="unknown"):
        tables.add(table, COLUMNS, [row("b", 0, 2.5) | {"unknown": 1}])
    assert table.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["race.csv"]
