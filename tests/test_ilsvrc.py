import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from pictures import jpeg
from PIL import Image
from scipy.io import savemat

from alexnet.dataset.packed import open_packed
from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.dataset.sources import open_source
from alexnet.dataset.sources.ilsvrc import find_ilsvrc
from alexnet.problem import Problem
from alexnet.verbs.doctor import doctor
from alexnet.verbs.evaluate import evaluate
from alexnet.verbs.train import train

SYNSETS = ("n02123045", "n01440764", "n07747607", "n02084071")  # the last is no class but above one


def tarred(members: Mapping[str, bytes], packed: bool = False) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz" if packed else "w") as tar:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return file.getvalue()


def meta(year: int, synsets: Sequence[str] = SYNSETS) -> bytes:
    """meta.mat as the development kits have it: a struct array of synsets."""
    kinds = [(f"ILSVRC{year}_ID", float), ("WNID", object), ("words", object), ("num_children", float)]
    rows = np.zeros(len(synsets), kinds)
    for at, synset in enumerate(synsets):
        rows[at] = (at + 1, synset, f"words of {synset}, more", 0 if at < 3 else 3)
    file = io.BytesIO()
    savemat(file, {"synsets": rows.reshape(-1, 1)})
    return file.getvalue()


def kit(year: int, truth: list[int], synsets: Sequence[str] = SYNSETS) -> dict[str, bytes]:
    before = {2010: "devkit-1.0/", 2012: "ILSVRC2012_devkit_t12/"}[year]
    lines = "".join(f"{number}\n" for number in truth).encode()
    return {
        f"{before}readme.txt": b"...",
        f"{before}data/meta.mat": meta(year, synsets),
        f"{before}data/ILSVRC{year}_validation_ground_truth.txt": lines,
    }


def training(each: int = 4) -> bytes:
    return tarred(
        {
            f"{synset}.tar": tarred(
                {f"{synset}_{number}.JPEG": jpeg(100 * at + number) for number in range(each)}
            )
            for at, synset in enumerate(SYNSETS[:3])
        }
    )


def numbered(year: int, split: str, count: int, before: str = "") -> bytes:
    return tarred(
        {
            f"{before}ILSVRC{year}_{split}_{number:08}.JPEG": jpeg(1000 + number)
            for number in range(1, count + 1)
        }
    )


TRUTH = [2, 1, 3, 2, 2]


@pytest.fixture
def of_2012(tmp_path: Path) -> Path:
    root = tmp_path / "ilsvrc2012"
    root.mkdir()
    (root / "ILSVRC2012_img_train.tar").write_bytes(training())
    (root / "ILSVRC2012_img_val.tar").write_bytes(numbered(2012, "val", 5))
    (root / "ILSVRC2012_img_test_v10102019.tar").write_bytes(numbered(2012, "test", 2, "test/"))
    (root / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(tarred(kit(2012, TRUTH), packed=True))
    return root


def test_the_set_of_2012_opens_as_distributed(of_2012: Path) -> None:
    source = open_source(of_2012)
    entries = list(source.entries())
    assert source.name == "ilsvrc2012"
    assert [(entry.split, entry.class_name) for entry in entries] == [
        *(("train", synset) for synset in SYNSETS[:3] for _ in range(4)),
        *(("val", SYNSETS[number - 1]) for number in TRUTH),
    ]
    assert entries[-1].name == "ILSVRC2012_val_00000005.JPEG"
    contents = [read() for _, read in source.contents()]
    assert contents == [jpeg(100 * at + number) for at in range(3) for number in range(4)] + [
        jpeg(1000 + number) for number in range(1, 6)
    ]
    for start in (3, 11, 12, 14, 17):
        assert [entry for entry, _ in source.contents(start)] == entries[start:]
    assert source.titles()["n01440764"] == "words of n01440764, more"
    assert source.passed_over().loose.names == ("ILSVRC2012_img_test_v10102019.tar",)


def test_it_prepares(of_2012: Path, tmp_path: Path) -> None:
    result = prepare(of_2012, tmp_path / "packed", settings=PrepareSettings(size=16))
    assert (result.splits, result.classes, result.skipped) == ({"train": 12, "val": 5}, 3, ())


def test_a_kit_unpacked_beside_them_will_do(of_2012: Path) -> None:
    before = list(open_source(of_2012).entries())
    (of_2012 / "ILSVRC2012_devkit_t12.tar.gz").unlink()
    for name, content in kit(2012, TRUTH).items():
        (of_2012 / name).parent.mkdir(parents=True, exist_ok=True)
        (of_2012 / name).write_bytes(content)
    assert list(open_source(of_2012).entries()) == before


def test_the_set_of_2010_has_classes_for_its_test_split(tmp_path: Path) -> None:
    (tmp_path / "ILSVRC2010_images_train.tar").write_bytes(training())
    (tmp_path / "ILSVRC2010_images_val.tar").write_bytes(numbered(2010, "val", 5, "val/"))
    (tmp_path / "ILSVRC2010_images_test.tar").write_bytes(numbered(2010, "test", 3, "test/"))
    (tmp_path / "ILSVRC2010_test_ground_truth.txt").write_text("3\n1\n2\n")
    (tmp_path / "ILSVRC2010_devkit-1.0.tar.gz").write_bytes(tarred(kit(2010, TRUTH), packed=True))
    entries = [(entry.split, entry.class_name) for entry in open_source(tmp_path).entries()]
    assert entries[12:] == [
        *(("val", SYNSETS[number - 1]) for number in TRUTH),
        *(("test", SYNSETS[number - 1]) for number in (3, 1, 2)),
    ]


def test_training_pictures_alone_need_no_kit(of_2012: Path) -> None:
    for name in ("ILSVRC2012_img_val.tar", "ILSVRC2012_devkit_t12.tar.gz"):
        (of_2012 / name).unlink()
    assert {entry.split for entry in open_source(of_2012).entries()} == {"train"}
    alone = open_source(of_2012 / "ILSVRC2012_img_train.tar")
    assert {entry.class_name for entry in alone.entries()} == set(SYNSETS[:3])


def test_what_is_missing_or_wrong_is_said(of_2012: Path) -> None:
    archive = of_2012 / "ILSVRC2012_devkit_t12.tar.gz"
    for truth, said in (([9] * 5, "has a class 9 that meta.mat lacks"), (["x"], "no list of class numbers")):
        archive.write_bytes(tarred(kit(2012, truth), packed=True))  # type: ignore[arg-type]
        with pytest.raises(Problem, match=said):
            open_source(of_2012)
    broken = kit(2012, TRUTH) | {"ILSVRC2012_devkit_t12/data/meta.mat": b"no MATLAB"}
    archive.write_bytes(tarred(broken, packed=True))
    with pytest.raises(Problem, match=r"no meta\.mat of a development kit"):
        open_source(of_2012)
    archive.unlink()
    with pytest.raises(Problem, match="needs the development kit beside it"):
        open_source(of_2012)
    with pytest.raises(Problem, match="2010 and 2012 lie in one folder"):
        find_ilsvrc(["ILSVRC2012_img_train.tar", "ILSVRC2010_images_val.tar"])


def test_photographs_of_imagenet_in_the_same_shape_prepare_and_train(data: Path, tmp_path: Path) -> None:
    """Nested tars of ImageNet's own photographs and a made development kit, from doctor to a trained run."""
    samples = [(entry, read()) for entry, read in open_source(data / "imagenet-samples-400.tar").contents()]
    synsets = sorted({entry.class_name for entry, _ in samples})[:6]
    some = [(entry, content) for entry, content in samples if entry.class_name in synsets]
    root = tmp_path / "set"
    root.mkdir()
    inner = {
        f"{entry.class_name}.tar": tarred(
            {f"{entry.class_name}_{number}.JPEG": turned(content, number) for number in range(4)}
        )
        for entry, content in some
    }
    val = {
        f"ILSVRC2012_val_{number:08}.JPEG": turned(content, 5) for number, (_, content) in enumerate(some, 1)
    }
    truth = [synsets.index(entry.class_name) + 1 for entry, _ in some]
    (root / "ILSVRC2012_img_train.tar").write_bytes(tarred(inner))
    (root / "ILSVRC2012_img_val.tar").write_bytes(tarred(val))
    (root / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(tarred(kit(2012, truth, synsets), packed=True))
    assert doctor(root).counts == {"train": dict.fromkeys(synsets, 4), "val": dict.fromkeys(synsets, 1)}
    result = prepare(root, tmp_path / "packed", settings=PrepareSettings(size=64))
    assert (result.splits, result.classes) == ({"train": 24, "val": 6}, 6)
    assert open_packed(tmp_path / "packed").titles[synsets[0]] == f"words of {synsets[0]}, more"
    assignments = ["epochs=2", "batch=8"]
    trained = train("alexnet-64", tmp_path / "packed", tmp_path / "run", assignments=assignments)
    assert (trained.epochs, trained.steps) == (2, 6)
    assert evaluate(tmp_path / "run").images == 6


def turned(content: bytes, number: int) -> bytes:
    """A photograph that no other number gives."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert("RGB").rotate(3 * number).save(file, "JPEG", quality=80)
    return file.getvalue()
