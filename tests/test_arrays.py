"""Sources of arrays: IDX, CIFAR in both versions, the bundled digits."""

import gzip
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from pictures import archive
from sklearn.datasets import load_digits

from alexnet.dataset.sources import Source, open_source
from alexnet.problem import Problem


def pixels(source: Source) -> np.ndarray:
    return np.stack([np.asarray(read()) for _, read in source.contents()])


def idx(values: np.ndarray) -> bytes:
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


GREY = np.random.default_rng(0).integers(0, 256, (2300, 6, 6), np.uint8)
LABELS = np.arange(2300, dtype=np.uint8) % 10


def write_idx(root: Path, name: str = "{}-idx{}-ubyte{}", packed: str = ".gz") -> Path:
    pack = gzip.compress if packed else bytes
    for which, some in (("train", slice(0, 2000)), ("t10k", slice(2000, None))):
        (root / name.format(f"{which}-images", 3, packed)).write_bytes(pack(idx(GREY[some])))
        (root / name.format(f"{which}-labels", 1, packed)).write_bytes(pack(idx(LABELS[some])))
    return root


@pytest.mark.parametrize("packed", [".gz", ""])
@pytest.mark.parametrize("tar", [False, True])
def test_idx_files_are_read_packed_or_not_in_a_folder_or_a_tar(
    tmp_path: Path, packed: str, tar: bool
) -> None:
    (tmp_path / "raw").mkdir()
    root = write_idx(tmp_path / "raw", packed=packed)
    source = open_source(archive(tmp_path / "set.tar", root) if tar else root)
    assert source.native_size == 6
    entries = list(source.entries())
    of_train = [entry for entry in entries if entry.split == "train"]
    assert [entry.class_name for entry in of_train] == [str(label) for label in LABELS[:2000]]
    assert of_train[7].name == f"train-images-idx3-ubyte{packed}#7"
    order = np.argsort([entry.split != "train" for entry in entries], kind="stable")
    assert (pixels(source)[order] == GREY[..., None]).all()
    assert next(iter(source.contents(2100)))[0] == entries[2100]


def test_idx_files_with_a_dot_and_beside_their_packed_form(tmp_path: Path) -> None:
    write_idx(tmp_path, "{}.idx{}-ubyte{}", "")
    write_idx(tmp_path, "{}.idx{}-ubyte{}", ".gz")
    assert len(list(open_source(tmp_path).entries())) == 2300


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train-labels-idx1-ubyte", idx(LABELS[:1999]), "2000 images, but there are 1999 labels"),
        ("train-images-idx3-ubyte", idx(GREY[:2000])[:-1], "train-images-idx3-ubyte is cut short"),
        ("train-images-idx3-ubyte", idx(LABELS), "no IDX file of unsigned bytes in 3 dimensions"),
        ("t10k-labels-idx1-ubyte", b"", "cut short"),
        ("t10k-labels-idx1-ubyte", None, "no file of the labels"),
        ("extra-images-idx3-ubyte", idx(GREY), "names no split"),
    ],
)
def test_wrong_idx_files_are_a_problem(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    write_idx(tmp_path, packed="")
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Problem, match=said):
        pixels(open_source(tmp_path))


def test_a_damaged_gzip_is_a_problem_that_names_it(tmp_path: Path) -> None:
    path = write_idx(tmp_path) / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(Problem, match=r"train-images-idx3-ubyte\.gz"):
        pixels(open_source(tmp_path))


COLOUR = np.random.default_rng(1).integers(0, 256, (30, 32, 32, 3), np.uint8)
NAMES = ["airplane", "automobile", "bird"]
WHICH = np.arange(30) % 3


def planes(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def write_cifar10_binary(root: Path) -> None:
    for name, some in (
        ("data_batch_1", slice(0, 10)),
        ("data_batch_2", slice(10, 20)),
        ("test_batch", slice(20, 30)),
    ):
        records = np.hstack([WHICH[some, None].astype(np.uint8), planes(COLOUR[some])])
        (root / f"{name}.bin").write_bytes(records.tobytes())
    (root / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")


def write_cifar100_binary(root: Path) -> None:
    for name, some in (("train", slice(0, 20)), ("test", slice(20, 30))):
        labels = np.stack([np.zeros(len(WHICH[some])), WHICH[some]], axis=1).astype(np.uint8)
        (root / f"{name}.bin").write_bytes(np.hstack([labels, planes(COLOUR[some])]).tobytes())
    (root / "fine_label_names.txt").write_text("\n".join(NAMES))
    (root / "coarse_label_names.txt").write_text("thing")


def python2_pickle(document: dict[bytes, object]) -> bytes:
    """A protocol 2 pickle whose byte strings are Python 2's `str`, as in the files of the data set."""
    short = {bytes: lambda value: b"T" + struct.pack("<i", len(value)) + value}

    def of(value: object) -> bytes:
        if isinstance(value, np.ndarray):
            state = (1, value.shape, np.dtype, False, value.tobytes())
            kind = (
                b"cnumpy\ndtype\n"
                + of((b"u1", 0, 1))
                + b"R"
                + of((3, b"|", None, None, None, -1, -1, 0))
                + b"b"
            )
            parts = of(state[0]) + of(state[1]) + kind + b"\x89" + short[bytes](state[4])
            return (
                b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
                + of((0,))
                + of(b"b")
                + b"tR("
                + parts
                + b"tb"
            )
        if isinstance(value, bytes):
            return short[bytes](value)
        if value is None:
            return b"N"
        if isinstance(value, int):
            return b"J" + struct.pack("<i", value)
        if isinstance(value, tuple):
            return b"(" + b"".join(map(of, value)) + b"t"
        if isinstance(value, list):
            return b"](" + b"".join(map(of, value)) + b"e"
        assert isinstance(value, dict)
        return b"}(" + b"".join(of(key) + of(item) for key, item in value.items()) + b"u"

    return b"\x80\x02" + of(document) + b"."


def write_cifar10_python(root: Path) -> None:
    for name, some in (
        ("data_batch_1", slice(0, 10)),
        ("data_batch_2", slice(10, 20)),
        ("test_batch", slice(20, 30)),
    ):
        batch = {b"batch_label": b"1 of 5", b"labels": WHICH[some].tolist(), b"data": planes(COLOUR[some])}
        (root / name).write_bytes(python2_pickle(batch))
    meta = {b"num_cases_per_batch": 10, b"label_names": [name.encode() for name in NAMES], b"num_vis": 3072}
    (root / "batches.meta").write_bytes(python2_pickle(meta))


def write_cifar100_python(root: Path) -> None:
    for name, some in (("train", slice(0, 20)), ("test", slice(20, 30))):
        batch = {"fine_labels": WHICH[some].tolist(), "coarse_labels": [0] * 10, "data": planes(COLOUR[some])}
        (root / name).write_bytes(
            pickle.dumps({key.encode(): value for key, value in batch.items()}, protocol=4)
        )
    (root / "meta").write_bytes(pickle.dumps({b"fine_label_names": [name.encode() for name in NAMES]}))


CIFARS = [write_cifar10_binary, write_cifar100_binary, write_cifar10_python, write_cifar100_python]


@pytest.mark.parametrize("write", CIFARS)
@pytest.mark.parametrize("tar", [False, True])
def test_cifar_in_its_own_batch_files(tmp_path: Path, write: object, tar: bool) -> None:
    (tmp_path / "cifar").mkdir()
    write(tmp_path / "cifar")  # type: ignore[operator]
    path = archive(tmp_path / "c.tar.gz", tmp_path / "cifar", "cifar/") if tar else tmp_path / "cifar"
    source = open_source(path)
    assert source.native_size == 32
    entries = list(source.entries())
    order = np.argsort([entry.split != "train" for entry in entries], kind="stable")
    assert [entries[place].class_name for place in order] == [NAMES[label] for label in WHICH]
    assert [entries[place].split for place in order] == ["train"] * 20 + ["test"] * 10
    assert (pixels(source)[order] == COLOUR).all()


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("came-to-life",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_names_anything_else_is_refused(
    tmp_path: Path, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    write_cifar10_python(tmp_path / "set")
    (tmp_path / "set/data_batch_2").write_bytes(pickle.dumps({"data": Evil(), "labels": [0]}, protocol))
    with pytest.raises(Problem, match=r"data_batch_2: refused.*mkdir"):
        pixels(open_source(tmp_path / "set"))
    assert not (tmp_path / "came-to-life").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data_batch_1.bin", b"\0" * 3072, "cut short"),
        ("data_batch_1.bin", b"\x09" + bytes(3072), "labels beyond the 3 classes"),
        ("batches.meta.txt", None, "no class names"),
    ],
)
def test_wrong_binary_batches_are_a_problem(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    write_cifar10_binary(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Problem, match=said):
        pixels(open_source(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        pickle.dumps([1, 2]),
        pickle.dumps({b"labels": [0]}),
        pickle.dumps({b"labels": [0], b"data": np.zeros((1, 3072))}),
        pickle.dumps({b"labels": [0], b"data": np.asfortranarray(np.zeros((2, 1536), np.uint8))}),
        pickle.dumps({b"labels": [0], b"data": np.array([[object()]])}, 2),
    ],
)
def test_wrong_python_batches_are_a_problem(tmp_path: Path, content: bytes) -> None:
    write_cifar10_python(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(content)
    with pytest.raises(Problem, match="data_batch_1"):
        pixels(open_source(tmp_path))


def test_digits_are_scikit_learns_scaled_to_255() -> None:
    source = open_source("digits")
    bunch = load_digits()
    assert (source.name, source.native_size) == ("digits", 8)
    assert [entry.class_name for entry in source.entries()] == [str(label) for label in bunch.target]
    found = pixels(source)
    assert found.shape == (1797, 8, 8, 3)
    assert np.abs(found[..., 0] * (16 / 255) - bunch.images).max() < 0.05
    assert found.max() == 255


def test_mnist_as_distributed(data: Path) -> None:
    source = open_source(data / "mnist")
    labels = [(entry.split, entry.class_name) for entry in source.entries()]
    assert len(labels) == 63_000
    assert sum(split == "test" for split, _ in labels) == 3_000
    assert source.native_size == 28
