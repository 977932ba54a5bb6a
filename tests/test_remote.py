"""Packs that lie elsewhere: on a server of this machine, in memory, and where nothing can be reached."""

import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from pictures import classes, write

from alexnet.dataset.packed import open_packed
from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.dataset.remote import address_of
from alexnet.problem import Problem
from alexnet.recipe import Recipe
from alexnet.verbs.doctor import doctor
from alexnet.verbs.evaluate import evaluate
from alexnet.verbs.train import train

pytest.importorskip("fsspec", reason="pip install 'alexnet[remote]'")


class Served(NamedTuple):
    address: str
    root: Path
    asked: list[str]  # paths with their ranges


class Ranges(SimpleHTTPRequestHandler):
    """http.server knows no ranges; where `parts` is off this one sends files whole too."""

    parts = True

    def __init__(self, *args: object, asked: list[str], directory: str) -> None:
        self.asked = asked
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path, found = Path(self.translate_path(self.path)), self.headers.get("Range")
        self.asked.append(f"{self.path} {found}")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", found or "")
        if not path.is_file() or not wanted or not self.parts:
            super().do_GET()
            return
        content = path.read_bytes()
        part = content[int(wanted[1]) : int(wanted[2]) + 1 if wanted[2] else None]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header(
            "Content-Range", f"bytes {wanted[1]}-{int(wanted[1]) + len(part) - 1}/{len(content)}"
        )
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("packs")
    names = [*classes(3, each=12, before="train/"), *classes(3, each=4, before="val/")]
    source = write(root / "letters", names)
    for encoding in ("jpeg", "raw"):
        prepare(source, root / encoding, settings=PrepareSettings(size=12, encoding=encoding))
    return root


@pytest.fixture
def served(packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("ALEXNET_CACHE", str(tmp_path / "cache"))
    root, asked = Path(shutil.copytree(packs, tmp_path / "served")), list[str]()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, asked=asked, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Served(f"http://127.0.0.1:{server.server_port}", root, asked)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("encoding", ["jpeg", "raw"])
def test_a_pack_on_a_server_is_the_pack(served: Served, encoding: str) -> None:
    here, there = open_packed(served.root / encoding), open_packed(f"{served.address}/{encoding}")
    assert (there.fingerprint, there.counts, there.where) == (
        here.fingerprint,
        here.counts,
        f"{served.address}/{encoding}",
    )
    assert (there.statistics.mean_image == here.statistics.mean_image).all()
    for name in here.splits:
        mine, its = here.split(name), there.split(name)
        numbers = np.random.default_rng(0).permutation(len(mine))
        assert (its.pixels(numbers) == mine.pixels(numbers)).all()
        assert (its.labels == mine.labels).all()
        assert its.sources([0, 2]) == mine.sources([0, 2])


def test_the_doctor_examines_it(served: Served) -> None:
    for encoding in ("jpeg", "raw"):
        assert doctor(f"{served.address}/{encoding}").findings == ()


def test_each_picture_is_fetched_once_and_alone(served: Served) -> None:
    split = open_packed(f"{served.address}/jpeg").split("train")
    split.pixels([5])
    split.pixels([5])
    pictures = [one for one in served.asked if "train.arrow" in one]
    start, end = int(split.encoded.starts[5]), int(split.encoded.ends[5])
    assert pictures == [f"/jpeg/train.arrow bytes={start}-{end - 1}"]
    again = open_packed(f"{served.address}/jpeg")
    again.split("train").pixels([5])
    assert len([one for one in served.asked if "train." in one]) == 2  # the manifest, the picture


def test_pictures_that_are_expected_are_fetched_ahead(served: Served) -> None:
    split = open_packed(f"{served.address}/jpeg").split("val")
    split.expect([np.arange(0, 6), np.arange(6, 12)])
    deadline = time.monotonic() + 20
    while sum("val.arrow" in one for one in served.asked) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # the second is on its way to the disk
    asked = len(served.asked)
    split.pixels(range(12))
    assert len(served.asked) == asked


def test_without_a_network_what_was_fetched_will_do(served: Served) -> None:
    address = f"{served.address}/jpeg"
    pixels = open_packed(address).split("val").pixels(range(12))
    shutil.rmtree(served.root)
    split = open_packed(address).split("val")
    assert (split.pixels(range(12)) == pixels).all()
    with pytest.raises(Problem, match=r"there is no http://.*/jpeg/train\.arrow"):
        open_packed(address).split("train").pixels([0])


def read_all(address: str) -> None:
    packed = open_packed(address)
    for name, count in packed.counts.items():
        packed.split(name).pixels(range(count))


def test_what_was_changed_on_the_way_is_refused(served: Served) -> None:
    for name, said in (
        ("jpeg/train.parquet", r"train\.parquet is not the file that its dataset\.json describes"),
        ("jpeg/train.arrow", r"train\.arrow: picture \d+ is not the one that was packed"),
        ("raw/val.npy", r"val\.npy does not hold the pictures that its dataset\.json describes"),
    ):
        path = served.root / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(Problem, match=said):
            read_all(f"{served.address}/{name.split('/')[0]}")
        path.write_bytes(bytes(byte ^ (place == len(content) // 2) for place, byte in enumerate(content)))


def test_a_damaged_cache_is_mended(served: Served, tmp_path: Path) -> None:
    address = f"{served.address}/jpeg"
    pixels = open_packed(address).split("val").pixels(range(12))
    (kept,) = (tmp_path / "cache").rglob("val.pictures")
    kept.write_bytes(bytes(100))
    (manifest,) = (tmp_path / "cache").rglob("val.parquet")
    manifest.write_bytes(b"PAR1")
    assert (open_packed(address).split("val").pixels(range(12)) == pixels).all()


def test_a_server_without_ranges_is_named(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ranges, "parts", False)
    with pytest.raises(Problem, match="must know range requests"):
        open_packed(f"{served.address}/jpeg").split("train").pixels([3])


def test_what_cannot_be_reached_is_said_in_one_line(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem, match=r"cannot fetch http://127\.0\.0\.1:9/pack/dataset\.json: .*network"):
        open_packed("http://127.0.0.1:9/pack")
    with pytest.raises(Problem, match=r"there is no http://.*/nothing/dataset\.json: look at the address"):
        open_packed(f"{served.address}/nothing")
    (served.root / "jpeg/dataset.json").write_text("[]")
    with pytest.raises(Problem, match="is no description of a packed data set"):
        open_packed(f"{served.address}/jpeg")
    with pytest.raises(Problem, match=r"nosuch://host/pack: .*nosuch"):
        open_packed("nosuch://host/pack")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(Problem, match=r"reading it needs `pip install 'alexnet\[remote\]'`"):
        open_packed(f"{served.address}/jpeg")


def test_a_pack_without_checksums_is_refused(served: Served) -> None:
    path = served.root / "raw/dataset.json"
    document = json.loads(path.read_text())
    del document["files"]
    path.write_text(json.dumps(document))
    with pytest.raises(Problem, match="without checksums: prepare it again"):
        open_packed(f"{served.address}/raw")


def test_file_systems_of_other_kinds(packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    monkeypatch.setenv("ALEXNET_CACHE", str(tmp_path / "cache"))
    fsspec.filesystem("memory").put(str(packs / "jpeg"), "/elsewhere", recursive=True)
    here = open_packed(packs / "jpeg").split("val").pixels(range(12))
    for address in ("memory://elsewhere", f"file://{packs}/jpeg", Path(f"file://{packs}/jpeg")):
        assert (open_packed(address).split("val").pixels(range(12)) == here).all()


def test_addresses_survive_being_taken_for_paths() -> None:
    for address in ("https://host/a/b", "s3://bucket/a", "file:///a/b", "memory://a"):
        assert address_of(address) == address_of(Path(address)) == address
    for path in ("packed/digits", "a:b", "/a/b", "C:", Path("x:y/z")):
        assert address_of(path) is None


def test_a_run_is_trained_on_a_server_and_evaluated_from_there(
    served: Served, tmp_path: Path, small: Recipe
) -> None:
    address, assignments = f"{served.address}/jpeg", ["epochs=1", "batch=8", "channels=3"]
    train(small, address, tmp_path / "there", assignments=assignments)
    train(small, served.root / "jpeg", tmp_path / "here", assignments=assignments)
    weights = [
        next((tmp_path / name).rglob("*.weights.safetensors")).read_bytes() for name in ("there", "here")
    ]
    assert weights[0] == weights[1]
    assert json.loads((tmp_path / "there/model.json").read_text())["dataset"]["path"] == address
    assert evaluate(tmp_path / "there").images == 12
