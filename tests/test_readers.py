"""Packs are read by programs that know nothing of us: pyarrow, DuckDB, NumPy, Hugging Face's `datasets`."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pictures import classes, write
from PIL import Image

from alexnet.dataset.packed import open_packed
from alexnet.dataset.prepare import PrepareSettings, prepare


@pytest.fixture(scope="module", params=["raw", "jpeg"])
def pack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Letters, one of which is no picture."""
    folder = tmp_path_factory.mktemp("packs")
    names = [*classes(3, each=8, before="train/"), *classes(3, each=4, before="val/")]
    root = write(folder / "letters", names)
    (root / "train/a/00.jpg").write_bytes(b"no picture")
    prepare(
        root, folder / "packed", settings=PrepareSettings(size=16, encoding=request.param, max_skipped=0.1)
    )
    return folder / "packed"


def test_numpy_and_pyarrow_alone(pack: Path) -> None:
    ours = open_packed(pack).split("train")
    table = pq.read_table(pack / "train.parquet").filter(pc.field("status") == "packed")
    assert table["label"].to_pylist() == ours.labels.tolist()
    assert table["source"].to_pylist() == ours.sources(range(23))
    assert [json.loads((pack / "dataset.json").read_text())["classes"][n] for n in ours.labels] == table[
        "class"
    ].to_pylist()
    if (pack / "train.npy").exists():
        pixels = np.load(pack / "train.npy", mmap_mode="r", allow_pickle=False)
    else:
        column = pa.ipc.open_file(pa.memory_map(str(pack / "train.arrow"))).read_all()["image"]
        pixels = np.stack([np.asarray(Image.open(io.BytesIO(one.as_py())).convert("RGB")) for one in column])
    assert (pixels == ours.pixels(range(23))).all()


def test_the_manifest_leads_to_every_picture_in_the_file(pack: Path) -> None:
    ours = open_packed(pack).split("val")
    content = next(
        pack / f"val{end}" for end in (".npy", ".arrow") if (pack / f"val{end}").exists()
    ).read_bytes()
    for number, row in enumerate(pq.read_table(pack / "val.parquet").to_pylist()):
        kept = content[row["offset"] : row["offset"] + row["length"]]
        assert hashlib.sha256(kept).hexdigest() == row["packed_sha256"]
        if ours.encoding == "raw":
            assert kept == ours.images[number].tobytes()
        else:
            assert kept == bytes(ours.encoded.bytes_at(number))


def test_the_description_has_the_hash_of_every_file(pack: Path) -> None:
    files = json.loads((pack / "dataset.json").read_text())["files"]
    assert set(files) | {"dataset.json"} == {path.name for path in pack.iterdir()}
    for name, known in files.items():
        content = (pack / name).read_bytes()
        assert known["bytes"] == len(content)
        if "sha256" in known:
            assert hashlib.sha256(content).hexdigest() == known["sha256"]
        else:
            hashes = pq.read_table(pack / f"{Path(name).stem}.parquet")["packed_sha256"].drop_null()
            lines = "".join(f"{one}\n" for one in hashes.to_pylist())
            assert hashlib.sha256(lines.encode()).hexdigest() == known["packed_sha256"]


def test_duckdb_counts_and_joins(pack: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is a development dependency")
    with duckdb.connect() as base:
        counted = base.execute(
            'select "class", count(*) from read_parquet(?) where status = ? group by 1 order by 1',
            [str(pack / "train.parquet"), "packed"],
        ).fetchall()
        assert counted == [("a", 7), ("b", 8), ("c", 8)]
        leaks = base.execute(
            "select count(*) from read_parquet(?) t join read_parquet(?) v using (sha256)",
            [str(pack / "train.parquet"), str(pack / "val.parquet")],
        ).fetchone()
        assert leaks == (0,)
        reasons = base.execute(
            "select source, reason from read_parquet(?) where status = 'skipped'",
            [str(pack / "train.parquet")],
        ).fetchall()
        assert [source for source, _ in reasons] == ["train/a/00.jpg"]
        if (pack / "train.arrow").exists():
            pictures = pa.ipc.open_file(pa.memory_map(str(pack / "train.arrow"))).read_all()
            (longest,) = base.from_arrow(pictures).aggregate("max(octet_length(image))").fetchall()[0]
            assert longest == max(len(one.as_py()) for one in pictures["image"])


def test_hugging_faces_datasets(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    datasets = pytest.importorskip("datasets", reason="`datasets` is a development dependency")
    ours, cache = open_packed(pack).split("train"), str(tmp_path / "cache")
    manifest = datasets.load_dataset(
        "parquet", data_files=str(pack / "train.parquet"), split="train", cache_dir=cache
    ).filter(lambda row: row["status"] == "packed", new_fingerprint="packed")
    assert manifest["label"][:] == ours.labels.tolist()
    assert manifest.features["source"].dtype == "string"
    if ours.encoding == "raw":
        pixels = np.load(pack / "train.npy", mmap_mode="r")
        seen = manifest.with_transform(lambda rows: {"label": rows["label"]})
        assert seen[3]["label"] == ours.labels[3]
        assert (pixels[3] == ours.pixels([3])[0]).all()
        return
    pictures = datasets.load_dataset(
        "arrow", data_files=str(pack / "train.arrow"), split="train", cache_dir=cache
    ).cast_column("image", datasets.Image())
    whole = datasets.concatenate_datasets([pictures, manifest.select_columns(["label", "source"])], axis=1)
    row = whole[5]
    assert (np.asarray(row["image"].convert("RGB")) == ours.pixels([5])[0]).all()
    assert (row["label"], row["source"]) == (int(ours.labels[5]), ours.sources([5])[0])
