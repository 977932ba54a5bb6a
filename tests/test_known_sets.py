"""Sets that torchvision knows by name, from a server of this machine in the place of theirs."""

import gzip
import hashlib
import io
import re
import struct
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from alexnet.dataset.sources import open_source
from alexnet.dataset.sources.known import KNOWN_SETS, open_known
from alexnet.problem import Problem, UsageProblem

datasets = pytest.importorskip("torchvision.datasets", reason="torchvision is a development dependency")


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


def cifar() -> bytes:
    """An archive of the binary version: two training pictures and one test picture."""
    random = np.random.default_rng(0)
    files = {"batches.meta.txt": b"cat\ndog\n"}
    for name, count in (("data_batch_1.bin", 2), ("test_batch.bin", 1)):
        pixels = random.integers(0, 256, (count, 3072), np.uint8)
        files[name] = b"".join(bytes([number % 2]) + row.tobytes() for number, row in enumerate(pixels))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def test_cifar_is_fetched_once_and_verified(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = server
    content = cifar()
    (folder / "cifar.tar.gz").write_bytes(content)
    monkeypatch.setattr(datasets.CIFAR10, "url", address + "cifar.tar.gz")
    monkeypatch.setattr(datasets.CIFAR10, "filename", "cifar.tar.gz")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", hashlib.md5(content).hexdigest())
    source = open_source("torchvision:cifar10")
    assert [(entry.split, entry.class_name) for entry in source.entries()] == [
        ("train", "cat"), ("train", "dog"), ("test", "cat")
    ]  # fmt: skip
    (folder / "cifar.tar.gz").unlink()
    assert len(list(open_source("name:CIFAR10").contents())) == 3
    kept = tmp_path / "cache/sets/CIFAR10/cifar.tar.gz"
    kept.write_bytes(content[:-1])
    said = (
        r"cannot fetch http://.*cifar\.tar\.gz: HTTP Error 404.*; look at the network, or put cifar\.tar\.gz"
    )
    with pytest.raises(Problem, match=said + f" into {re.escape(str(kept.parent))} by hand, from http"):
        open_source("torchvision:CIFAR10")
    kept.write_bytes(content)  # by hand
    assert len(list(open_source("torchvision:CIFAR10").entries())) == 3


def idx(values: np.ndarray) -> bytes:
    return gzip.compress(
        struct.pack(f">I{values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes()
    )


def test_mnists_mirrors_are_tried_in_turn(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    address, folder = server
    resources = []
    for kind, count in (("train", 3), ("t10k", 2)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        for name, values in (("images-idx3", images), ("labels-idx1", np.arange(count, dtype=np.uint8))):
            content = idx(values)
            (folder / f"{kind}-{name}-ubyte.gz").write_bytes(content)
            resources.append((f"{kind}-{name}-ubyte.gz", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/", address])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    source = open_source("torchvision:MNIST")
    assert [(entry.split, entry.class_name) for entry in source.entries()].count(("train", "2")) == 1
    assert (source.native_size, len(list(source.contents()))) == (28, 5)


def test_a_file_of_another_checksum_is_refused(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = server
    (folder / "cifar.tar.gz").write_bytes(cifar())
    monkeypatch.setattr(datasets.CIFAR100, "url", address + "cifar.tar.gz")
    with pytest.raises(Problem, match="not the file that torchvision knows: its MD5 is another"):
        open_source("torchvision:CIFAR100")


def test_every_set_of_the_table_has_addresses_and_checksums() -> None:
    for name, files in KNOWN_SETS.items():
        for file in files(getattr(datasets, name)):
            assert file.addresses
            assert all(address.startswith("http") for address in file.addresses)
            assert re.fullmatch(r"[0-9a-f]{32}", file.md5)
            assert "/" not in file.name


def test_what_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALEXNET_CACHE", str(tmp_path))
    with pytest.raises(UsageProblem, match="no set named 'ImageNet'; there are CIFAR10, CIFAR100"):
        open_source("torchvision:ImageNet")
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    with pytest.raises(Problem, match="pip install torchvision"):
        open_known("CIFAR10", open_source)
