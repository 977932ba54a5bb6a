"""Sets that torchvision knows by name, from a server of this machine in the place of theirs."""

import bz2
import gzip
import hashlib
import inspect
import io
import json
import re
import struct
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import jpeg
from PIL import Image
from scipy.io import savemat

from alexnet.dataset.decode import decode
from alexnet.dataset.sources import open_source
from alexnet.dataset.sources.known import NOT_FETCHED
from alexnet.dataset.sources.known_sets import KNOWN_SETS, File
from alexnet.problem import Problem, UsageProblem

datasets = pytest.importorskip("torchvision.datasets", reason="torchvision is a development dependency")

ROOT = Path(__file__).parents[1]
Serve = Callable[[str, dict[str, bytes]], Path]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    monkeypatch.setenv("ALEXNET_CACHE", str(tmp_path / "cache"))
    (tmp_path / "served").mkdir()
    found = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served")))
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}/", tmp_path / "served"
    found.shutdown()
    found.server_close()


@pytest.fixture
def serve(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serve files in the place of a set's own, which must have the same names -> the server's folder."""
    address, folder = server

    def serve(name: str, contents: dict[str, bytes]) -> Path:
        assert {file.name for file in KNOWN_SETS[name].files} == set(contents)
        files = []
        for file, content in contents.items():
            (folder / file).write_bytes(content)
            files.append(File((address + file,), file, hashlib.md5(content).hexdigest()))
        monkeypatch.setitem(KNOWN_SETS, name, KNOWN_SETS[name]._replace(files=tuple(files)))
        return folder

    return serve


def tarred(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return packed.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def read_all(name: str) -> dict[str, list[tuple[str, str]]]:
    """Split -> class and pixels of every picture, as hashes in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for entry, read in open_source(f"torchvision:{name}").contents():
        content = read()
        pixels = decode(content) if isinstance(content, bytes) else content
        found.setdefault(entry.split or "all", []).append((entry.class_name, hashed(pixels)))
    return {split: sorted(rows) for split, rows in found.items()}


def hashed(pixels: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def peers(dataset: Any, names: Callable[[int], str] | None = None) -> list[tuple[str, str]]:
    """The same of torchvision's own reader."""
    names = names or (lambda label: str(dataset.classes[label]))
    return sorted((names(int(label)), hashed(image.convert("RGB"))) for image, label in dataset)


def unpack(content: bytes, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if zipfile.is_zipfile(io.BytesIO(content)):
        zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
    else:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            tar.extractall(folder, filter="data")


def cifar() -> bytes:
    """An archive of the binary version: two training pictures and one test picture."""
    random = np.random.default_rng(0)
    files = {"cifar/batches.meta.txt": b"cat\ndog\n"}
    for name, count in (("data_batch_1.bin", 2), ("test_batch.bin", 1)):
        pixels = random.integers(0, 256, (count, 3072), np.uint8)
        rows = [bytes([number % 2]) + row.tobytes() for number, row in enumerate(pixels)]
        files[f"cifar/{name}"] = b"".join(rows)
    return tarred(files)


CIFAR = "cifar-10-python.tar.gz"


def test_cifar_is_fetched_once_and_verified(serve: Serve, tmp_path: Path) -> None:
    content = cifar()
    folder = serve("CIFAR10", {CIFAR: content})
    source = open_source("torchvision:cifar10")
    assert [(entry.split, entry.class_name) for entry in source.entries()] == [
        ("train", "cat"), ("train", "dog"), ("test", "cat")
    ]  # fmt: skip
    (folder / CIFAR).unlink()
    assert len(list(open_source("name:CIFAR10").contents())) == 3
    kept = tmp_path / "cache/sets/CIFAR10" / CIFAR
    kept.write_bytes(content[:-1])
    said = rf"cannot fetch http://.*{re.escape(CIFAR)}: HTTP Error 404.*; look at the network, or put "
    with pytest.raises(
        Problem, match=f"{said}{re.escape(CIFAR)} into {re.escape(str(kept.parent))} by hand, from http"
    ):
        open_source("torchvision:CIFAR10")
    kept.write_bytes(content)  # by hand
    assert len(list(open_source("torchvision:CIFAR10").entries())) == 3


def test_a_proved_file_is_not_read_again_until_it_changes(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve("CIFAR10", {CIFAR: cifar()})
    open_source("torchvision:CIFAR10")
    hashes = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: hashes.append(1) or digest(*args))
    open_source("torchvision:CIFAR10")
    assert not hashes
    kept = tmp_path / "cache/sets/CIFAR10" / CIFAR
    kept.write_bytes(kept.read_bytes())  # another time of change
    open_source("torchvision:CIFAR10")
    assert len(hashes) == 1


def idx(values: np.ndarray) -> bytes:
    kind = {np.dtype(np.uint8): 0x800, np.dtype(np.int32): 0xC00}[values.dtype]
    whole = struct.pack(f">I{values.ndim}I", kind + values.ndim, *values.shape)
    return gzip.compress(whole + values.astype(values.dtype.newbyteorder(">")).tobytes())


def digits(count: int, side: int = 28) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, side, side), np.uint8)


def four(counts: dict[str, int], names: str) -> dict[str, bytes]:
    """Four IDX files, under names with places for the split and for what they hold."""
    return {
        names.format(split, what): idx(values)
        for split, count in counts.items()
        for what, values in (
            ("images-idx3", digits(count)),
            ("labels-idx1", np.arange(count, dtype=np.uint8)),
        )
    }


def test_mnists_mirrors_are_tried_in_turn(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve("MNIST", four({"train": 3, "t10k": 2}, "{}-{}-ubyte.gz"))
    files = [
        file._replace(addresses=("http://127.0.0.1:9/none", *file.addresses))
        for file in KNOWN_SETS["MNIST"].files
    ]
    monkeypatch.setitem(KNOWN_SETS, "MNIST", KNOWN_SETS["MNIST"]._replace(files=tuple(files)))
    source = open_source("torchvision:MNIST")
    assert [(entry.split, entry.class_name) for entry in source.entries()].count(("train", "2")) == 1
    assert (source.native_size, len(list(source.contents()))) == (28, 5)


def test_a_file_of_another_checksum_is_refused(serve: Serve) -> None:
    folder = serve("CIFAR10", {CIFAR: cifar()})
    (folder / CIFAR).write_bytes(b"an error page")
    with pytest.raises(Problem, match="not the file that torchvision knows: its MD5 is another"):
        open_source("torchvision:CIFAR10")


@pytest.mark.parametrize("name", KNOWN_SETS)
def test_addresses_and_checksums_are_those_of_torchvision(name: str) -> None:
    dataset = getattr(datasets, name.partition("-")[0])
    said = "".join(inspect.getsource(sys.modules[kind.__module__]) for kind in dataset.__mro__[:-1])
    known = KNOWN_SETS[name]
    assert sum(known.pictures.values()) > 1000
    assert known.classes > 1
    for file in known.files:
        assert file.md5 in said
        assert file.name.rpartition("-320")[0] in said
        for address in file.addresses:
            assert address.startswith("http")
            folder, _, last = address.rpartition("/")
            assert folder in said
            assert last in said or last.removesuffix(".zip") in said


def test_the_page_of_sources_has_every_set() -> None:
    page = (ROOT / "docs/sources.md").read_text(encoding="utf-8")
    for name, known in KNOWN_SETS.items():
        splits = ", ".join(
            f"{count:,}" + ("" if split == "all" else f" {split}") for split, count in known.pictures.items()
        )
        assert f"| `{name}` | {splits} | {known.classes:,} | {known.licence} |" in page
    for name in NOT_FETCHED:
        assert f"`{name}`" in page


@pytest.mark.parametrize("name", NOT_FETCHED)
def test_a_set_that_is_not_fetched_says_why_and_what_to_do(name: str) -> None:
    assert hasattr(datasets, name)
    with pytest.raises(UsageProblem, match=rf"^{name} is not fetched: \w.*: \w"):
        open_source(f"torchvision:{name.lower()}")


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(UsageProblem, match="no set named 'Pokemon'; there are CIFAR10, CIFAR100"):
        open_source("torchvision:Pokemon")


def test_emnist_is_turned_upright_and_named(serve: Serve, tmp_path: Path) -> None:
    files = four({"train": 47, "test": 5}, "gzip/emnist-balanced-{}-{}-ubyte.gz")
    files |= four({"train": 3, "test": 2}, "gzip/emnist-letters-{}-{}-ubyte.gz")
    serve("EMNIST-balanced", {"gzip.zip": zipped(files)})
    found = read_all("EMNIST-balanced")
    assert {split: len(rows) for split, rows in found.items()} == {"train": 47, "test": 5}
    raw = tmp_path / "peer/EMNIST/raw"
    raw.mkdir(parents=True)
    for name, content in files.items():
        (raw / Path(name).stem).write_bytes(gzip.decompress(content))
    for split, rows in found.items():
        peer = datasets.EMNIST(tmp_path / "peer", "balanced", train=split == "train")
        upright = ((image.transpose(Image.Transpose.TRANSPOSE), label) for image, label in peer)
        assert rows == peers(upright, lambda label, peer=peer: peer.classes[label])


def test_qmnists_labels_are_the_first_of_eight_numbers(serve: Serve, tmp_path: Path) -> None:
    files = {}
    for split, count in (("train", 4), ("test", 3)):
        labels = np.random.default_rng(count).integers(0, 10, (count, 8)).astype(np.int32)
        files[f"qmnist-{split}-images-idx3-ubyte.gz"] = idx(digits(count))
        files[f"qmnist-{split}-labels-idx2-int.gz"] = idx(labels)
    serve("QMNIST", files)
    raw = tmp_path / "peer/QMNIST/raw"
    raw.mkdir(parents=True)
    for name, content in files.items():
        (raw / Path(name).stem).write_bytes(gzip.decompress(content))
    for split, rows in read_all("QMNIST").items():
        assert rows == peers(datasets.QMNIST(tmp_path / "peer", what=split), str)


def test_usps_and_semeion_are_read_from_their_texts(serve: Serve, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    texts = {}
    for name, count in (("usps.bz2", 6), ("usps.t.bz2", 3)):
        rows = [
            f"{number % 10 + 1} " + " ".join(f"{at + 1}:{value:.6f}" for at, value in enumerate(values))
            for number, values in enumerate(random.uniform(-1, 1, (count, 256)))
        ]
        texts[name] = bz2.compress("\n".join(rows).encode() + b"\n")
    serve("USPS", texts)
    for name, content in texts.items():
        (tmp_path / name).write_bytes(content)
    found = read_all("USPS")
    for split in ("train", "test"):
        assert found[split] == peers(datasets.USPS(tmp_path, train=split == "train"), str)
    marks = np.eye(10, dtype=int)[np.arange(12) % 10]
    values = np.concatenate([random.integers(0, 2, (12, 256)), marks], axis=1)
    lines = [
        " ".join([*(f"{value:.4f}" for value in row[:256]), *map(str, row[256:])]) + " " for row in values
    ]
    serve("SEMEION", {"semeion.data": "\n".join(lines).encode()})
    (tmp_path / "semeion.data").write_text("\n".join(lines))
    peer = datasets.SEMEION.__new__(datasets.SEMEION)  # its own checksum is another
    datasets.SEMEION._check_integrity, kept = (lambda self: True), datasets.SEMEION._check_integrity
    try:
        peer = datasets.SEMEION(tmp_path, download=False)
    finally:
        datasets.SEMEION._check_integrity = kept
    assert read_all("SEMEION") == {"all": peers(((peer[i]) for i in range(len(peer))), str)}


def test_svhn_has_zero_for_ten(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    for name, count in (("train_32x32.mat", 11), ("test_32x32.mat", 4)):
        file = io.BytesIO()
        values = np.random.default_rng(count).integers(0, 256, (32, 32, 3, count), np.uint8)
        savemat(file, {"X": values, "y": np.arange(1, count + 1, dtype=np.uint8)[:, None] % 11})
        files[name] = file.getvalue()
        (tmp_path / name).write_bytes(files[name])
    serve("SVHN", files)
    monkeypatch.setattr(datasets.SVHN, "_check_integrity", lambda self: True)
    for split, rows in read_all("SVHN").items():
        assert rows == peers(datasets.SVHN(tmp_path, split=split), str)
    assert len(rows) == 4


def test_stl_is_read_column_by_column(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    names = b"airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n"
    files = {"stl10_binary/class_names.txt": names}
    for split, count in (("test", 3), ("train", 5)):
        files[f"stl10_binary/{split}_X.bin"] = random.integers(0, 256, (count, 27_648), np.uint8).tobytes()
        files[f"stl10_binary/{split}_y.bin"] = bytes(range(1, count + 1))
    content = tarred(files)
    serve("STL10", {"stl10_binary.tar.gz": content})
    unpack(content, tmp_path / "peer")
    monkeypatch.setattr(datasets.STL10, "_check_integrity", lambda self: True)
    for split, rows in read_all("STL10").items():
        assert rows == peers(datasets.STL10(tmp_path / "peer", split=split))


def ppm(seed: int) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(jpeg(seed, 10 + seed, 12))).save(file, "PPM")
    return file.getvalue()


def test_traffic_signs_are_read_from_their_zips(serve: Serve, tmp_path: Path) -> None:
    train = {f"GTSRB/Training/{name}/{n:05}.ppm": ppm(n) for n in range(3) for name in ("00000", "00042")}
    train["GTSRB/Training/00000/GT-00000.csv"] = b"x"
    test = {f"GTSRB/Final_Test/Images/{n:05}.ppm": ppm(10 + n) for n in range(4)}
    table = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"
    table += "".join(f"{n:05}.ppm;1;1;1;1;1;1;{42 if n % 2 else 0}\n" for n in range(4))
    truth = {"GT-final_test.csv": table.encode()}
    packed = {
        "GTSRB-Training_fixed.zip": zipped(train),
        "GTSRB_Final_Test_Images.zip": zipped(test),
        "GTSRB_Final_Test_GT.zip": zipped(truth),
    }
    serve("GTSRB", packed)
    for content in packed.values():
        unpack(content, tmp_path / "peer/gtsrb")
    found = read_all("GTSRB")
    names = {"train": lambda label: ("00000", "00042")[label], "test": lambda label: f"{label:05}"}
    for split in ("train", "test"):
        assert found[split] == peers(datasets.GTSRB(tmp_path / "peer", split=split), names[split])
    source = open_source("torchvision:GTSRB")
    entries = list(source.entries())
    assert len(entries) == 10
    assert [entry for entry, _ in source.contents(7)] == entries[7:]


def food() -> dict[str, bytes]:
    lists = {
        "train": {"pie": ["pie/1", "pie/2"], "soup": ["soup/1"]},
        "test": {"pie": ["pie/3"], "soup": ["soup/9"]},
    }
    paths = [path for split in lists.values() for some in split.values() for path in some]
    files = {f"food-101/images/{path}.jpg": jpeg(number) for number, path in enumerate(paths)}
    for split, content in lists.items():
        files[f"food-101/meta/{split}.json"] = json.dumps(content).encode()
    return {"food-101.tar.gz": tarred(files)}


def textures() -> dict[str, bytes]:
    paths = {
        "train": ["dotted/dotted_1.jpg", "woven/woven_1.jpg"],
        "val": ["woven/woven_2.jpg"],
        "test": ["dotted/dotted_7.jpg"],
    }
    files = {f"dtd/labels/{split}1.txt": "\n".join(some).encode() for split, some in paths.items()}
    every = [path for some in paths.values() for path in some]
    files |= {f"dtd/images/{path}": jpeg(number) for number, path in enumerate(every)}
    return {"dtd-r1.0.1.tar.gz": tarred(files)}


def pets() -> dict[str, bytes]:
    lists = {
        "trainval": ["Sphynx_1 2 1 1", "great_pyrenees_4 1 2 3"],
        "test": ["Sphynx_2 2 1 1", "great_pyrenees_9 1 2 3"],
    }
    names = [line.split()[0] for some in lists.values() for line in some]
    images = {f"images/{name}.jpg": jpeg(number) for number, name in enumerate(names)}
    texts = {f"annotations/{name}.txt": "\n".join(some).encode() for name, some in lists.items()}
    return {
        "images.tar.gz": tarred({**images, "images/Sphynx_1.mat": b"x"}),
        "annotations.tar.gz": tarred(texts),
    }


def flowers() -> dict[str, bytes]:
    files = {"102flowers.tgz": tarred({f"jpg/image_{n:05}.jpg": jpeg(n) for n in range(1, 7)})}
    for name, content in (
        ("imagelabels.mat", {"labels": np.array([[77, 77, 1, 1, 5, 5]], np.uint8)}),
        ("setid.mat", {"trnid": [[6, 3]], "valid": [[1, 2]], "tstid": [[4, 5]]}),
    ):  # fmt: skip
        file = io.BytesIO()
        savemat(file, content)
        files[name] = file.getvalue()
    return files


LISTED: dict[str, tuple[Callable[[], dict[str, bytes]], str, dict[str, str]]] = {
    "Food101": (food, "", {"train": "train", "test": "test"}),
    "DTD": (textures, "dtd", {"train": "train", "val": "val", "test": "test"}),
    "OxfordIIITPet": (pets, "oxford-iiit-pet", {"train": "trainval", "test": "test"}),
    "Flowers102": (flowers, "flowers-102", {"train": "train", "val": "val", "test": "test"}),
}


@pytest.mark.parametrize("name", LISTED)
def test_sets_with_lists_are_as_torchvision_reads_them(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made, below, splits = LISTED[name]
    files = made()
    serve(name, files)
    for file, content in files.items():
        if file.endswith(".mat"):
            (tmp_path / "peer" / below / file).write_bytes(content)
        else:
            unpack(content, tmp_path / "peer" / below)
    kind = getattr(datasets, name)
    if hasattr(kind, "_check_integrity"):
        monkeypatch.setattr(kind, "_check_integrity", lambda self: True)
    found = read_all(name)
    assert set(found) == set(splits)
    for split, theirs in splits.items():
        peer = kind(tmp_path / "peer", split=theirs)
        by_number: Callable[[int], str] | None = None
        if name == "OxfordIIITPet":
            by_number = ["great_pyrenees", "Sphynx"].__getitem__
        elif name == "Flowers102":
            by_number = lambda label: str(label + 1)  # noqa: E731
        assert found[split] == peers(
            (peer[i] for i in range(len(peer))), by_number or peer.classes.__getitem__
        )


def test_sets_in_folders_of_their_own_kind(serve: Serve, tmp_path: Path) -> None:
    sun = {
        f"SUN397/{path}/sun_{number}.jpg": jpeg(number)
        for number, path in enumerate(("a/abbey", "a/apartment_building/outdoor"))
    }
    serve("SUN397", {"SUN397.tar.gz": tarred({**sun, "SUN397/README.txt": b"x"})})
    assert [name for name, _ in read_all("SUN397")["all"]] == ["abbey", "apartment_building/outdoor"]
    signs = {
        f"images_background/{path}/0{n}.png": jpeg(n)
        for n, path in enumerate(("Greek/character01", "Latin/character01"))
    }
    serve("Omniglot", {"images_background.zip": zipped(signs)})
    assert [name for name, _ in read_all("Omniglot")["all"]] == ["Greek/character01", "Latin/character01"]
    objects = {
        f"101_ObjectCategories/{name}/image_0001.jpg": jpeg(3)
        for name in ("ant", "bass", "BACKGROUND_Google")
    }
    inner = {
        "caltech-101/101_ObjectCategories.tar.gz": tarred(objects),
        "caltech-101/Annotations.tar": tarred({}, "w"),
    }
    serve("Caltech101", {"caltech-101.zip": zipped(inner)})
    assert [name for name, _ in read_all("Caltech101")["all"]] == ["ant", "bass"]
    serve(
        "EuroSAT",
        {"EuroSAT.zip": zipped({f"2750/{name}/{name}_1.jpg": jpeg(7) for name in ("Forest", "River")})},
    )
    assert [name for name, _ in read_all("EuroSAT")["all"]] == ["Forest", "River"]
    lands = {
        f"country211/{split}/{name}/1.jpg": jpeg(1)
        for split in ("train", "valid", "test")
        for name in ("AD", "NZ")
    }
    serve("Country211", {"country211.tgz": tarred(lands)})
    found = read_all("Country211")
    assert [name for split in ("train", "val", "test") for name, _ in found[split]] == ["AD", "NZ"] * 3


def test_sets_of_several_archives(serve: Serve) -> None:
    classes = "/a/airfield 0\n/a/apartment_building/outdoor 1\n"
    lists = {
        "categories_places365.txt": classes.encode(),
        "places365_val.txt": b"Places365_val_1.jpg 1\nPlaces365_val_2.jpg 0\n",
    }
    serve(
        "Places365",
        {
            "train_256_places365standard.tar": tarred(
                {f"data_256/a/{path}/1.jpg": jpeg(1) for path in ("airfield", "apartment_building/outdoor")},
                "w",
            ),
            "val_256.tar": tarred({f"val_256/Places365_val_{n}.jpg": jpeg(n) for n in (1, 2)}, "w"),
            "filelist_places365-standard.tar": tarred(lists, "w"),
        },
    )
    found = read_all("Places365")
    for split in ("train", "val"):
        assert [name for name, _ in found[split]] == ["airfield", "apartment_building/outdoor"]
    kinds = ("00000_Animalia_a", "00001_Plantae_b")
    serve(
        "INaturalist",
        {
            f"{name}.tar.gz": tarred({f"{name}/{kind}/1.jpg": jpeg(1) for kind in kinds})
            for name in ("train_mini", "val")
        },
    )
    found = read_all("INaturalist")
    assert [name for split in ("train", "val") for name, _ in found[split]] == [*kinds, *kinds]
