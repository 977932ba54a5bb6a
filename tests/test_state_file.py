"""Files of weights: the forms in which they are handed about; the others, refused in one clear line."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from foreign_peers import peer_of
from safetensors.torch import save_file
from torch import Tensor, nn

from alexnet.networks import create
from alexnet.networks.foreign import read
from alexnet.problem import Problem
from alexnet.run import transfer_weights
from alexnet.verbs.starting import start_of

# forms of files


def test_forms_in_which_weights_are_handed_about(tmp_path: Path) -> None:
    state = peer_of("torchvision resnet18").state_dict()
    old = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    forms = {
        "plain.pth": state,
        "nested.pt": {"state_dict": state, "epoch": 3, "arch": "resnet18"},
        "model.bin": {"model": {f"module.{name}": value for name, value in state.items()}},
        "parameters.pth": {name: nn.Parameter(value) for name, value in old.items()},
    }
    expected = read_saved(forms["plain.pth"], tmp_path / "plain.pth")
    for name, form in forms.items():
        found = read_saved(form, tmp_path / name)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected)
        assert not any(value.requires_grad for value in found.values())
    torch.save(state, tmp_path / "2018.pth", _use_new_zipfile_serialization=False)
    found = read(tmp_path / "2018.pth").tensors
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def read_saved(form: object, path: Path) -> dict[str, Tensor]:
    torch.save(form, path)
    return read(path).tensors


def test_halves_are_widened(tmp_path: Path) -> None:
    state = peer_of("torchvision resnet18").state_dict()
    save_file({name: value.half() for name, value in state.items()}, tmp_path / "half.safetensors")
    network = create("resnet18", classes=4)
    transfer_weights(network, read(tmp_path / "half.safetensors").tensors, "half")
    assert network.fc.weight.dtype == torch.float32
    assert torch.equal(network.fc.weight, state["fc.weight"].half().float())


# wrong files


class Code:
    def __reduce__(self) -> tuple[object, ...]:
        return eval, ("1 / 0",)  # of no effect but where it is run


def without(state: dict[str, Tensor], key: str) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if name != key}


WRONG = {
    "a key is missing": (
        lambda state: without(state, "layer1.0.conv1.weight"),
        r"nearest to torchvision resnet18 and does not fit it: lacks layer1\.0\.conv1\.weight$",
    ),
    "a key too many": (
        lambda state: state | {"fc.scale": torch.ones(4)},
        r"resnet18 .*: fc\.scale is unknown$",
    ),
    "a shape is wrong": (
        lambda state: state | {"conv1.weight": torch.zeros(64, 1, 7, 7)},
        r"resnet18 .*: conv1\.weight is \[64, 1, 7, 7\] and should be \[64, 3, 7, 7\]$",
    ),
    "heads disagree": (
        lambda state: state | {"fc.bias": torch.zeros(5)},
        r"resnet18 .*: fc\.weight is \[4, 512\] and should be \[5, 512\]$",
    ),
    "many": (
        lambda state: {name: value for name, value in state.items() if not name.startswith("layer4.1.")},
        r"resnet18 .*: lacks layer4\.1\.conv1\.weight; (lacks \S+; ){3}lacks \S+ and 5 more$",
    ),
    "another network": (
        lambda state: empty_to_zeros(torchvision.models.wide_resnet50_2),
        r"nearest to torchvision resnet50 and does not fit it: layer1\.0\.conv1\.weight is \[128, 64, 1, 1\]",
    ),
    "no network at all": (
        lambda state: {"embedding": torch.zeros(3, 4)},
        "holds none of torchvision alexnet, .*, timm inception_resnet_v2: it begins with embedding$",
    ),
    "a list": (lambda state: [torch.zeros(3)], "holds a list, not a state dict of tensors by name$"),
    "empty": (lambda state: {}, "holds nothing, not a state dict"),
    "no tensors": (lambda state: {"lr": 0.1}, "no state dict: lr is a float, not a tensor$"),
    "code": (lambda state: state | {"x": Code()}, r"holds code \(\S*eval\), which is never run"),
    "a module": (lambda state: nn.Linear(2, 2), r"holds code \(torch\.nn\.\S*Linear\), which is never run"),
}


def empty_to_zeros(build: Callable[[], nn.Module]) -> dict[str, Tensor]:
    with torch.device("meta"):
        state = build().state_dict()
    return {name: torch.zeros((), dtype=value.dtype).expand(value.shape) for name, value in state.items()}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_that_does_not_fit_is_told_in_one_line(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    change, said = WRONG[wrong]
    torch.save(change(dict(peer_of("torchvision resnet18").state_dict())), file)
    with pytest.raises(Problem, match=said) as problem:
        read(file)
    assert "\n" not in str(problem.value)
    assert str(problem.value).startswith(str(file))


@pytest.mark.parametrize("share", [0.03, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("ending", ["pth", "old.pth", "safetensors"])
def test_a_file_cut_short_is_damaged(ending: str, share: float, tmp_path: Path) -> None:
    file = tmp_path / f"weights.{ending}"
    state = {f"fc{number}.weight": torch.zeros(100, 100) for number in range(9)}
    if ending == "safetensors":
        save_file(state, file)
    else:
        torch.save(state, file, _use_new_zipfile_serialization=ending == "pth")
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(Problem, match=r"weights\.\S+ is damaged or no") as problem:
        read(file)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>" * 40, pickle.dumps({"x": Code()})])
def test_what_torch_never_wrote_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    with pytest.raises(Problem, match=r"damaged or no file of torch\.save|holds code") as problem:
        read(file)
    assert "\n" not in str(problem.value)


def test_a_program_is_refused_and_other_endings_are(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"no file of weights; their names end in \.safetensors, \.pth"):
        read(Path(__file__))
    with pytest.raises(Problem, match="no run and no file of weights at"):
        start_of(tmp_path / "nowhere.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and lies about
        torch.jit.script(nn.Linear(2, 2)).save(tmp_path / "program.pt")
    with pytest.raises(Problem, match=r"program\.pt holds code \(a TorchScript program\)"):
        read(tmp_path / "program.pt")
