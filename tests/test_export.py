"""A run as a file for other programs: it answers as the run does, says what it is, and is not kept if not."""

import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alexnet.batches.preprocessing import Preprocessing
from alexnet.cli import main, show
from alexnet.dataset.decode import decode
from alexnet.dataset.resize import FITS, fit
from alexnet.networks import NETWORKS, create
from alexnet.networks.layers import ResponseNorm
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import create_run, open_run
from alexnet.schedule import OneCycle
from alexnet.serving.agreement import agreement
from alexnet.serving.classifier import open_classifier
from alexnet.serving.engines import onnx_engine, openvino_engine, torch_engine
from alexnet.serving.fitting import Fitting
from alexnet.serving.onnx_file import (
    from_views,
    read,
    views_model_of,
    views_program_of,
)
from alexnet.serving.portable import BandedNorm, OperatorNorm, portable
from alexnet.verbs.export import export
from alexnet.verbs.train import train

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    """A LeNet that knows its digits, and reads 12 pixels in colour for the network's one channel."""
    recipe = Recipe(
        name="small",
        network="lenet",
        options={"image": 12},
        channels=1,
        mean="image",
        divide_by="deviation",
        epochs=3,
        batch=64,
        learning_rate=OneCycle(peak=0.05),
    )
    path = tmp_path_factory.mktemp("runs") / "digits"
    train(recipe, digits, path)
    return path


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "digits.onnx"
    return path, export(trained, out=path)


def random_picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def drawn(name, size, crop, *, classes=6, **options):
    """A network with drawn weights whose norms know some pictures, and preprocessing with a mean image."""
    channels = NETWORKS[name].input[0]
    torch.manual_seed(0)
    network = create(name, classes=classes, channels=channels, **options)
    how = Preprocessing(
        size,
        "crop",
        crop,
        channels,
        torch.rand(channels, crop, crop) * 255,
        torch.full((channels, 1, 1), 60.0),
    )
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        network.train()(how(torch.randint(0, 256, (4, crop, crop, 3), dtype=torch.uint8)))
    return network.eval(), how


def test_the_file_answers_as_the_run_and_says_how_it_was_checked(exported, trained):
    path, result = exported
    assert result.files == [str(path)]
    assert result.pictures == 100
    assert result.max_abs_difference < 1e-5
    assert result.top1_agreement == 1
    assert result.top1_error == result.original_top1_error < 50
    assert {(speed.engine, speed.batch) for speed in result.speeds} >= {("onnx", 1), ("onnx", 32)}
    weights = sum(tensor.nbytes for tensor in open_run(trained).weights().values())
    assert weights < result.bytes == path.stat().st_size < weights + 100_000
    onnx.checker.check_model(path, full_check=True)


def test_from_bytes_of_any_size_on_it_answers_as_the_classifier(exported, trained):
    file, original = onnx_engine(exported[0].read_bytes()), open_classifier(trained)
    for height, width in ((12, 12), (9, 31), (200, 13), (480, 640), (1, 1)):
        content = io.BytesIO()
        Image.fromarray(random_picture(height, width)).save(content, "JPEG")
        expected = original.scores(original.prepare(content.getvalue())[None])
        found = file(decode(content.getvalue())[None])
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_pictures_of_one_size_are_answered_together(exported):
    file = onnx_engine(exported[0].read_bytes())
    pictures = np.stack([random_picture(20, 30, seed) for seed in range(3)])
    alone = np.concatenate([file(picture[None]) for picture in pictures])
    np.testing.assert_allclose(file(pictures), alone, rtol=0, atol=1e-6)


def test_what_it_is_stands_in_the_file_in_standard_onnx(exported, trained):
    model = onnx.load(exported[0])
    told = {entry.key: entry.value for entry in model.metadata_props}
    card = json.loads(told["card"])
    assert json.loads(told["classes"]) == [str(digit) for digit in range(10)]
    assert card["network"] == "lenet"
    assert card["preprocessing"]["fit"] == "crop"
    assert card["recipe"]["epochs"] == 3
    assert card["licence"].startswith("unknown")
    assert card["data"]["fingerprint"] == open_run(trained).dataset["fingerprint"]
    assert str(trained.parent) not in json.dumps(told)
    assert {one.domain for one in model.opset_import} == {""}
    assert b"stack_trace" not in exported[0].read_bytes()


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_a_classifier_opens_the_file_and_the_run_alike(engine, exported, trained, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pictures = np.stack([random_picture(12, 12, seed) for seed in range(5)])
    expected = open_classifier(trained).scores(pictures)
    for path in (exported[0], trained):
        found = open_classifier(path, engine=engine)
        assert (found.engine, found.chosen) == (engine, "asked for")
        assert found.classes == open_run(trained).classes
        np.testing.assert_allclose(found.scores(pictures), expected, rtol=0, atol=1e-5)


def test_auto_takes_the_fastest_and_remembers_it(exported, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = open_classifier(exported[0], engine="auto")
    (kept,) = (tmp_path / "alexnet" / "engines").glob("*.json")
    times = json.loads(kept.read_text())
    assert found.engine == min(times, key=times.get)
    assert found.chosen.startswith("fastest here")
    kept.write_text(json.dumps({"onnx": 1.0, "openvino": 2.0}))
    assert open_classifier(exported[0], engine="auto").engine == "onnx"
    kept.write_text(json.dumps({"onnx": 2.0, "openvino": 1.0}))
    assert open_classifier(exported[0], engine="auto").engine == "openvino"


def test_a_temperature_is_in_the_file(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calibration = trained / "calibration.json"
    picture = random_picture(12, 12)[None]
    sharp = open_classifier(trained, engine="onnx").scores(picture)
    calibration.write_text('{"temperature": 4.0}')
    try:
        flat = open_classifier(trained).scores(picture)
        assert flat.max() < sharp.max()
        again = open_classifier(trained, engine="onnx").scores(picture)
        np.testing.assert_allclose(again, flat, rtol=0, atol=1e-6)
        calibration.write_text('{"temperature": "none"}')
        with pytest.raises(Problem, match=r"calibration\.json is damaged"):
            open_classifier(trained)
    finally:
        calibration.unlink()


def test_a_file_that_answers_otherwise_is_not_kept(trained, tmp_path, monkeypatch):
    """The run's mean is not what its network was trained with any more: a stand-in for a faulty exporter."""
    from alexnet.serving import portable as module

    class Faulty(module.Answering):
        def forward(self, views):
            return super().forward(views).roll(1, dims=1)

    monkeypatch.setattr(module, "Answering", Faulty)
    with pytest.raises(Problem, match="is not kept: of 100 pictures"):
        export(trained, out=tmp_path / "wrong.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_one_line(exported, tmp_path):
    content = exported[0].read_bytes()
    for number, wrong in enumerate((b"", b"nothing", content[: len(content) // 2], onnx_without_card())):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(wrong)
        with pytest.raises(Problem, match=rf"{number}\.onnx") as caught:
            open_classifier(path, engine="onnx")
        assert "\n" not in str(caught.value)


def onnx_without_card():
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    value = onnx.helper.make_tensor_value_info
    ends = [[value(name, onnx.TensorProto.FLOAT, [1])] for name in "ab"]
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", *ends)).SerializeToString()


def test_weights_in_other_files_are_not_followed(exported, tmp_path):
    """A file that names others could have any file of the machine read."""
    model = onnx.load(exported[0])
    path = tmp_path / "outside.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(Problem, match="keeps its weights in other files"):
        open_classifier(path, engine="onnx")


def test_eight_bits_are_a_quarter_and_answer_nearly_alike(trained, tmp_path):
    result = export(trained, out=tmp_path / "small.onnx", int8=True)
    assert result.calibration_pictures == 256
    assert result.top1_error - result.original_top1_error <= 0.5
    assert result.top1_agreement > 0.97
    model = onnx.load(tmp_path / "small.onnx")
    weights = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert onnx.TensorProto.INT8 in weights.values()
    makers = {output: node.op_type for node in model.graph.node for output in node.output}
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    assert len(layers) == len([tensor for tensor in open_run(trained).weights().values() if tensor.dim() > 1])
    assert {makers[name] for node in layers for name in node.input} == {"DequantizeLinear"}
    onnx.checker.check_model(model, full_check=True)
    card = read(tmp_path / "small.onnx").card
    assert card["int8"]["calibration_pictures"] == 256


def test_eight_bits_need_training_pictures(trained, tmp_path):
    picture = tmp_path / "pictures" / "a.png"
    picture.parent.mkdir()
    Image.fromarray(random_picture(20, 20)).save(picture)
    run = open_run(trained)
    run.dataset["path"] = str(tmp_path / "gone")
    with pytest.raises(UsageProblem, match="calibrated on training pictures"):
        export(run, out=tmp_path / "x.onnx", int8=True, check=picture.parent)
    with pytest.raises(UsageProblem, match="--check FOLDER"):
        export(run, out=tmp_path / "x.onnx")


def test_as_torch_export_it_answers_alike(trained, tmp_path):
    result = export(trained, out=tmp_path / "digits.pt2", format="torch-export")
    assert result.max_abs_difference < 1e-5
    told = {"card.json": "", "classes.json": ""}
    program = torch.export.load(tmp_path / "digits.pt2", extra_files=told)
    assert json.loads(told["classes.json"])[3] == "3"
    assert json.loads(told["card.json"])["network"] == "lenet"
    picture = random_picture(33, 21)[None]
    expected = open_classifier(trained)
    with torch.no_grad():
        found = program.module()(torch.from_numpy(picture))
    fitted = expected.fitted(picture[0])[None]
    np.testing.assert_allclose(found.numpy(), expected.scores(fitted), rtol=0, atol=1e-6)


def test_under_torchvisions_names_it_loads_there(tmp_path):
    torchvision = pytest.importorskip("torchvision")
    from safetensors.torch import load_file

    run = untrained(tmp_path / "run", "resnet18", size=40, crop=32)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(random_picture(50, 60)).save(pictures / "a.png")
    result = export(run, out=tmp_path / "w.safetensors", format="safetensors", check=pictures)
    assert result.max_abs_difference < 1e-6
    theirs = torchvision.models.resnet18(num_classes=4).eval()
    theirs.load_state_dict(load_file(tmp_path / "w.safetensors"))
    classifier = open_classifier(run)
    views = random_picture(32, 32)[None]
    answer = torch_engine(theirs, open_run(run).preprocessing)
    np.testing.assert_allclose(answer(views), classifier.answer(views), rtol=0, atol=1e-5)


def test_networks_without_another_librarys_names_say_so(trained, tmp_path):
    with pytest.raises(UsageProblem, match="no network like lenet; it has those of alexnet-owt"):
        export(trained, out=tmp_path / "w.safetensors", format="safetensors")
    with pytest.raises(UsageProblem, match="no layout 'keras'"):
        export(trained, out=tmp_path / "w.safetensors", format="safetensors", layout="keras")
    with pytest.raises(UsageProblem, match="no format 'tflite'"):
        export(trained, format="tflite")


def untrained(path, name, *, size, crop, **options):
    """A run folder whose network has drawn weights: four classes, normalised by channel."""
    recipe = Recipe(name=name, network=name, options=options, epochs=1, learning_rate=0.01)
    channels = NETWORKS[name].input[0]
    how = Preprocessing(
        size, "crop", crop, channels, torch.full((channels, 1, 1), 120.0), torch.full((channels, 1, 1), 60.0)
    )
    run = create_run(
        path, recipe, classes=tuple("abcd"), preprocessing=how, dataset={"path": None, "fingerprint": None}
    )
    run.save(run.build().state_dict(), {}, {"steps": 0, "epoch": 0}, steps=0)
    return path


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(2, 40), st.integers(0, 8), st.sampled_from(FITS))
def test_the_file_fits_pictures_to_the_bit_as_the_packs_were(height, width, size, less, how):
    crop = max(1, size - less)
    picture = random_picture(height, width, seed=height * 100 + width)
    start = (size - crop) // 2
    expected = fit(picture, size, how)[start : start + crop, start : start + crop]
    found = Fitting(size, how, crop)(torch.from_numpy(picture)[None])[0].numpy()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("height", "width"), [(375, 500), (1200, 900), (255, 256), (100, 1000), (3, 700)])
@pytest.mark.parametrize("how", FITS)
def test_photographs_are_fitted_to_the_bit(height, width, how):
    picture = random_picture(height, width)
    found = Fitting(256, how, 224)(torch.from_numpy(picture)[None])[0].numpy()
    np.testing.assert_array_equal(found, fit(picture, 256, how)[16:240, 16:240])


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_both_portable_norms_are_the_norm(columns, beta):
    norm = ResponseNorm(5, 0.5, beta=beta, k=2.0, columns=columns)
    maps = torch.randn(2, 12, 5, 7)
    torch.testing.assert_close(BandedNorm(norm, 12)(maps), norm(maps), rtol=1e-5, atol=1e-6)

    class Alone(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = OperatorNorm(norm, 12)

        def forward(self, views):
            return self.norm(twelve(views))

    views = random_picture(4, 4)[None]
    model = views_model_of(views_program_of(Alone(), 4))
    found = onnx_engine(model.SerializeToString())(views)
    expected = norm(twelve(torch.from_numpy(views)))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


def twelve(views):
    """Four times the three channels: [N, 12, H, W]."""
    return views.to(torch.float32).permute(0, 3, 1, 2).repeat(1, 4, 1, 1)


FAMILIES = {
    "alexnet": (67, {"image": 67, "dense": (64, 64)}),
    "alexnet-2012-64": (31, {"image": 31, "dense": (64, 64)}),
    "convnet-conv-local-11pct": (16, {"image": 16}),
    "nin-32": (16, {}),
    "vgg-32": (32, {}),
    "resnet20": (8, {}),
}
SLOW_FAMILIES = {
    "googlenet-64": (64, {}),
    "bn-inception-64": (32, {}),
    "inception-v3-64": (47, {}),
    "inception-v4-64": (47, {}),
    "inception-resnet-v2-64": (47, {}),
    "resnet50-v1.5": (64, {"width": 16}),
}


@pytest.mark.parametrize(
    ("name", "crop", "options"),
    [(name, *rest) for name, rest in FAMILIES.items()]
    + [pytest.param(name, *rest, marks=pytest.mark.slow) for name, rest in SLOW_FAMILIES.items()],
)
def test_one_of_each_family_answers_alike_under_every_engine(name, crop, options):
    network, how = drawn(name, crop + 4, crop, **options)
    views = np.random.default_rng(1).integers(0, 256, (3, crop, crop, 3), np.uint8)
    expected = torch_engine(network, how)(views)
    whole = portable(network, how)
    content = views_model_of(views_program_of(whole.answering, crop)).SerializeToString()
    for engine in (onnx_engine, openvino_engine):
        np.testing.assert_allclose(engine(content)(views), expected, rtol=0, atol=1e-4)


def test_the_part_from_views_on_is_the_file_without_fitting(exported, trained):
    model = read(exported[0]).model
    part = from_views(model)
    onnx.checker.check_model(part)
    assert len(part.graph.node) < len(model.graph.node) / 3
    views = random_picture(12, 12)[None]
    whole, cut = onnx_engine(exported[0].read_bytes()), onnx_engine(part.SerializeToString())
    np.testing.assert_array_equal(whole(views), cut(views))


def test_agreement_leaves_exact_ties_out():
    even = np.float32([[0.5, 0.5], [0.25, 0.75]])
    other = np.float32([[0.4999, 0.5001], [0.75, 0.25]])
    assert agreement(even, other).top1_agreement == 0.5
    found = agreement(even, other, np.array([1, 1]))
    assert (found.original_top1_error, found.top1_error, found.growth) == (50.0, 50.0, 0.0)


def test_the_command_says_what_it_found(exported, capsys):
    show.exported(exported[1])
    out = " ".join(capsys.readouterr().out.split())
    assert "100 pictures: 100.00% of the answers as the run's" in out
    assert "allowed: 0.0001 of a probability" in out
    assert "onnx batch 32:" in out
    document = exported[1].document()
    assert document.keys() >= {"files", "max_abs_difference", "top1_agreement"}
    assert json.loads(json.dumps(document)) == document


def test_a_wrong_word_on_the_command_line_is_its_fault(trained, monkeypatch, capsys):
    for words, said in (
        (["--format", "tflite"], "no format 'tflite'; there are onnx, torch-export, safetensors"),
        (["--format", "safetensors", "--int8"], "int8 is made of ONNX files alone"),
    ):
        monkeypatch.setattr(sys, "argv", ["alexnet", "export", str(trained), *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        assert said in capsys.readouterr().err
    assert not (trained / "exported").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_answers_photographs_as_its_file_does(name, data, monkeypatch):
    """From the encoded bytes on; `results/export_checks.csv` has what was found."""
    monkeypatch.syspath_prepend(str(ROOT / "results"))
    row = __import__("record_export").of_network(name, photographs(data, 100))
    assert (row["recipe"], row["pictures"]) == (name, "100")
    assert float(row["max_abs_difference"]) < 1e-4
    assert float(row["top1_agreement"]) == 1
    assert int(row["answers"]) > 1


def test_drawn_networks_are_compared_where_a_difference_shows(data, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "results"))
    record = __import__("record_export")
    row = record.of_network("lenet", photographs(data, 20))
    assert float(row["max_abs_difference"]) < 1e-4
    assert float(row["top1_agreement"]) == 1
    assert int(row["answers"]) > 3
    assert float(row["top_probability"]) > 0.2
    logits = torch.randn(50, 7) * 0.1 + torch.arange(7.0)
    spread = record.Spread(logits)(logits)
    torch.testing.assert_close(spread.mean(0), torch.zeros(7), rtol=0, atol=1e-4)
    assert (spread.std(0) < 3.01).all()
    assert (record.Spread(logits).scale * logits.abs().max() < 50.1).all()


def test_the_tables_of_the_page_are_made_from_the_checks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    writing = __import__("write_export")
    page = writing.PAGE.read_text(encoding="utf-8")
    assert page == writing.written(page, writing.rows()), "run python docs/write_export.py"
    for row in writing.rows():
        if row["answers"]:
            assert float(row["max_abs_difference"]) < 1e-4, row["recipe"]
            assert float(row["top1_agreement"]) == 1, row["recipe"]


def photographs(data, count):
    with tarfile.open(data / "imagenet-samples-400.tar") as tar:
        members = [member for member in tar if member.name.endswith(".JPEG")]
        return [tar.extractfile(member).read() for member in members[:count]]
