"""Packs that keep JPEG files: what is in them, who reads them, and what is kept byte for byte."""

import io
import os
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import classes, contents, write
from PIL import Image

from alexnet.dataset.encoded import SCHEMA, EncodedImages
from alexnet.dataset.jpegs import JpegStore
from alexnet.dataset.packed import open_packed
from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.dataset.statistics import measure
from alexnet.problem import Problem, UsageProblem

JPEG = PrepareSettings(size=12, encoding="jpeg")
NAMES = [*classes(3, each=7, before="train/"), *classes(3, each=4, before="test/")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("source") / "letters", NAMES)


@pytest.fixture(scope="module")
def pack(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    packed = tmp_path_factory.mktemp("packed") / "letters"
    prepare(root, packed, settings=JPEG)
    return packed


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """Smooth, as photographs are."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


TURNED = Image.Exif()
TURNED[0x0112] = 6  # a quarter to the right


def saved(image: np.ndarray, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    error = ((one.astype(float) - other) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-10)))


def test_arrow_alone_reads_a_pack(pack: Path) -> None:
    with pa.memory_map(str(pack / "train.arrow")) as file:
        column = pa.ipc.open_file(file).read_all().column("image")
    split = open_packed(pack).split("train")
    assert [value.as_py() for value in column] == [bytes(split.encoded.bytes_at(n)) for n in range(21)]
    opened = [Image.open(io.BytesIO(value.as_py())) for value in column]
    assert {image.size for image in opened} == {(12, 12)}
    assert (np.stack(opened) == split.pixels(range(21))).all()


def test_a_split_gives_pixels_by_number_and_nothing_else_of_its_own(pack: Path, root: Path) -> None:
    split = open_packed(pack).split("train")
    assert len(split) == len(split.encoded) == 21
    chosen = split.pixels(np.array([20, 3, 3]))
    assert chosen.shape == (3, 12, 12, 3)
    assert (chosen[1] == chosen[2]).all()
    assert split.sources([20, 3]) == ["train/c/06.jpg", "train/a/03.jpg"]
    prepared = pickle.loads(pickle.dumps(split))
    assert (prepared.pixels([20]) == chosen[:1]).all()
    with pytest.raises(UsageProblem, match="keeps its pictures as JPEG"):
        _ = split.images


def test_a_raw_pack_gives_the_same_pixels_by_number(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "raw", settings=replace(JPEG, encoding="raw"))
    split = open_packed(tmp_path / "raw").split("train")
    assert (split.pixels([4, 2]) == split.images[[4, 2]]).all()
    with pytest.raises(UsageProblem, match="it has no JPEG files"):
        _ = split.encoded


def test_statistics_are_those_of_the_pictures_as_decoded(pack: Path) -> None:
    packed = open_packed(pack)
    found, again = packed.statistics, measure(packed.split("train").pixels(range(21)))
    assert (found.mean_image == again.mean_image).all()
    assert (found.colour_vectors == again.colour_vectors).all()


def test_workers_change_no_byte_and_the_description_tells_the_two_apart(root: Path, tmp_path: Path) -> None:
    packs = [tmp_path / str(workers) for workers in (1, 2)]
    for workers, path in enumerate(packs, 1):
        prepare(root, path, settings=replace(JPEG, workers=workers))
    assert contents(packs[0]) == contents(packs[1])
    raw = tmp_path / "raw"
    prepare(root, raw, settings=replace(JPEG, encoding="raw"))
    descriptions = [open_packed(path).description for path in (packs[0], raw)]
    assert "quality 95, 4:4:4" in descriptions[0]["jpeg"]
    assert "jpeg" not in descriptions[1]
    assert descriptions[0]["fingerprint"] != descriptions[1]["fingerprint"]
    with pytest.raises(Problem, match="encoding jpeg, not raw: choose another folder"):
        prepare(root, packs[0], settings=replace(JPEG, encoding="raw"))


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (saved(picture(1, 12, 12), quality=70), True),
        (saved(picture(1, 12, 12)[..., 0]), True),
        (saved(picture(1, 12, 14)), False),
        (saved(picture(1, 12, 12), "PNG"), False),
        (saved(picture(1, 12, 12), exif=TURNED), False),
    ],
    ids=["jpeg", "grey jpeg", "too wide", "png", "turned by EXIF"],
)  # fmt: skip
def test_an_upright_jpeg_of_the_right_size_is_kept_byte_for_byte(
    tmp_path: Path, content: bytes, kept: bool
) -> None:
    for name in ("a/1.jpg", "b/1.jpg"):
        (tmp_path / "source" / name).parent.mkdir(parents=True)
        (tmp_path / "source" / name).write_bytes(content)
    prepare(tmp_path / "source", tmp_path / "pack", settings=replace(JPEG, val_fraction=0.0))
    encoded = open_packed(tmp_path / "pack").split("train").encoded
    assert (bytes(encoded.bytes_at(0)) == content) == kept
    upright = np.asarray(Image.open(io.BytesIO(encoded.bytes_at(0))).convert("RGB"))
    assert (upright == encoded.pixels([0])[0]).all()


def test_photographs_are_kept_to_40_decibels_in_a_third_of_the_room(data: Path, tmp_path: Path) -> None:
    with tarfile.open(data / "imagenet-samples-400.tar") as tar:
        for member in tar.getmembers()[::25]:
            file = tar.extractfile(member)
            assert file is not None
            path = tmp_path / "source" / ("a" if len(member.name) % 2 else "b") / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read())
    settings = PrepareSettings(val_fraction=0.0)
    for encoding in ("raw", "jpeg"):
        prepare(tmp_path / "source", tmp_path / encoding, settings=replace(settings, encoding=encoding))
    raw, jpeg = (open_packed(tmp_path / encoding).split("train") for encoding in ("raw", "jpeg"))
    pairs = zip(raw.images, jpeg.pixels(range(len(jpeg))), strict=True)
    assert np.mean([decibels(image, other) for image, other in pairs]) > 39.5
    sizes = [(tmp_path / name).stat().st_size for name in ("jpeg/train.arrow", "raw/train.npy")]
    assert sizes[0] < sizes[1] / 3


def test_a_grey_picture_stays_grey(tmp_path: Path) -> None:
    prepare("digits", tmp_path / "digits", settings=PrepareSettings(encoding="jpeg"))
    packed = open_packed(tmp_path / "digits")
    assert packed.grey
    assert packed.split("train").pixels(range(5)).shape == (5, 8, 8, 3)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: write_arrow(path, [b"one too few"], {"image": pa.binary()}),
        lambda path: write_arrow(path, [b""] * 21, {"picture": pa.binary()}),
    ],
)
def test_a_damaged_arrow_file_is_named_when_the_pack_opens(
    root: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    prepare(root, tmp_path / "pack", settings=JPEG)
    spoil(tmp_path / "pack/train.arrow")
    with pytest.raises(Problem, match=r"train\.arrow is damaged or missing: prepare"):
        open_packed(tmp_path / "pack")


def test_a_damaged_picture_is_named_when_it_is_read(tmp_path: Path) -> None:
    write_arrow(tmp_path / "train.arrow", [b"\xff\xd8\xff"], {"image": pa.binary()})
    with pytest.raises(Problem, match=r"train\.arrow is damaged"):
        EncodedImages(tmp_path / "train.arrow").pixels([0])


def write_arrow(path: Path, values: list[bytes], fields: dict[str, pa.DataType], batch: int = 4) -> None:
    table = pa.table([pa.array(values, kind) for kind in fields.values()], pa.schema(list(fields.items())))
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=batch)


@given(
    values=st.lists(st.binary(max_size=9), max_size=12),
    kind=st.sampled_from([pa.binary(), pa.large_binary()]),
    batch=st.integers(1, 5),
)
def test_any_arrow_file_with_the_column_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: list[bytes], kind: pa.DataType, batch: int
) -> None:
    path = tmp_path_factory.mktemp("arrow") / "any.arrow"
    write_arrow(path, values, {"image": kind}, batch)
    read = EncodedImages(path)
    assert [bytes(read.bytes_at(number)) for number in range(len(read))] == values


def test_a_long_split_is_written_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alexnet.dataset.jpegs._BATCH_BYTES", 10)
    values = [os.urandom(length) for length in (3, 7, 1, 25, 4, 0)]
    (tmp_path / "val.jpegs").write_bytes(b"".join(values))
    JpegStore(8).finish(tmp_path, "val", np.cumsum([0, *map(len, values)]))
    read = EncodedImages(tmp_path / "val.arrow")
    assert [bytes(read.bytes_at(number)) for number in range(6)] == values
    with pa.memory_map(str(tmp_path / "val.arrow")) as file:
        assert pa.ipc.open_file(file).num_record_batches == 4
        assert pa.ipc.open_file(file).schema == SCHEMA
