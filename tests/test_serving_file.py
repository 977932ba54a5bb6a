"""A server of an exported file, and of a run by other engines than torch."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from served import Running, picture, serving, trained_run

from alexnet import cli
from alexnet.serving.classifier import open_classifier
from alexnet.verbs.export import export

RAW = {"content-type": "application/octet-stream"}


@pytest.fixture(scope="module")
def run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(digits, tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def file(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "tenths.onnx"
    export(run, out=path)
    return path


@pytest.fixture(scope="module")
def server(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    words = tmp_path_factory.mktemp("words") / "words.txt"
    words.write_text("".join(f"{number}\tthe digit {number}\n" for number in range(10)))
    with serving(file, "--words", words) as running:
        yield running


@pytest.fixture
def asking(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def answered(asking: httpx.Client, content: bytes) -> dict[str, float]:
    found = asking.post("/v1/classify?top=10", content=content, headers=RAW)
    assert found.status_code == 200, found.text
    return {one["class"]: one["probability"] for one in found.json()["answers"][0]["top"]}


def test_a_file_answers_as_the_run_that_it_was_made_of(asking: httpx.Client, run: Path):
    classifier = open_classifier(run)
    for kind, size in (("PNG", (12, 12)), ("JPEG", (120, 41))):
        content = picture("gold", kind, size=size)
        (right,) = classifier.top(classifier.prepare(content)[None], 10)
        assert answered(asking, content) == pytest.approx(dict(right), abs=1e-5)


def test_a_file_tells_what_it_is_and_what_it_cannot(asking: httpx.Client, server: Running):
    told = asking.get("/v1/model").json()
    assert (told["name"], told["network"], told["card"]["name"]) == ("tenths", "lenet", "small")
    assert told["classes"][3] == {"class": "3", "title": "the digit 3"}
    assert told["engine"] in ("onnx", "openvino")
    assert (told["errors"], told["trained_on"], told["samples"]) == (None, None, [])
    refused = [
        asking.post(f"/v1/{name}", content=picture("red"), headers=RAW) for name in ("similar", "look")
    ]
    refused.append(asking.post("/v1/report"))
    assert [one.status_code for one in refused] == [409, 409, 404]
    assert [one.json()["detail"] for one in refused] == [told["similar"], told["look"], told["report"]]
    assert all("run" in told[name] for name in ("similar", "look", "report"))
    assert asking.get("/v1/samples/0").status_code == 404
    assert asking.get("/").status_code == 200
    assert server.stop() == 0


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_a_run_is_served_by_other_engines_with_its_neighbours(run: Path, engine: str, tmp_path: Path):
    content = picture("gold", size=(12, 12))
    classifier = open_classifier(run)
    (right,) = classifier.top(classifier.prepare(content)[None], 10)
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    with serving(run, "--engine", engine, "--device", "cpu", environment=cache) as running:
        with httpx.Client(base_url=running.url, timeout=60) as asking:
            assert answered(asking, content) == pytest.approx(dict(right), abs=1e-5)
            told = asking.get("/v1/model").json()
            look = asking.post("/v1/look", content=content, headers=RAW)
            near = asking.post("/v1/similar?k=3", content=content, headers=RAW)
        assert running.stop() == 0
    assert (told["engine"], told["similar"], len(told["samples"])) == (engine, None, 6)
    assert (look.status_code, look.json()["detail"]) == (409, told["look"])
    assert engine in told["look"]
    assert len(near.json()["answers"][0]["neighbours"]) == 3


def test_a_file_takes_no_pack_and_no_torch(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for words, told in (
        (["--data", "some/pack"], "--data is for a run"),
        (["--engine", "torch"], "--engine onnx"),
    ):
        monkeypatch.setattr("sys.argv", ["alexnet", "serve", str(file), *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 2
        assert told in capsys.readouterr().err
