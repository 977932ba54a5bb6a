"""A state dict from a file: safetensors, or torch's own format read without running the code in it.

What is read: https://huggingface.co/docs/safetensors and torch.load with `weights_only=True`.
"""

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from alexnet.problem import Problem

TORCH = (".pth", ".pt", ".bin")
ENDINGS = (".safetensors", *TORCH)
NESTED = ("state_dict", "model")  # where training scripts put it, beside epoch and optimizer
PARALLEL = "module."  # DistributedDataParallel's, before every name


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors by name, on the processor; raises Problem where the file holds no plain state dict.

    A state under `state_dict` or `model` is found, and `module.` before every name is taken off.
    """
    if path.suffix == ".safetensors":
        held: Any = _safetensors(path)
    elif path.suffix in TORCH:
        held = _torch(path)
    else:
        raise Problem(f"{path} is no file of weights; their names end in {', '.join(ENDINGS)}")
    return _plain(held, path)


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise Problem(f"{path} is damaged or no safetensors file: {error}") from None


def _torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle's protocol, TorchScript: what matters is said below
            return torch.load(path, "cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except PermissionError as error:
        raise Problem(f"cannot read {path}: {error.strerror}") from None
    except Exception as error:  # a damaged file makes torch raise anything: KeyError, EOFError, OSError
        named = re.search(r"GLOBAL (\S+)", str(error))
        if named or "TorchScript" in str(error):
            what = named[1] if named else "a TorchScript program"
            raise Problem(
                f"{path} holds code ({what}), which is never run; "
                "save the tensors alone, torch.save(network.state_dict(), …)"
            ) from None
        raise Problem(f"{path} is damaged or no file of torch.save: fetch it again") from None


def _plain(held: Any, path: Path) -> dict[str, Tensor]:
    for name in NESTED:
        if isinstance(held, Mapping) and isinstance(held.get(name), Mapping):
            held = held[name]
    if not isinstance(held, Mapping) or not held:
        what = "nothing" if isinstance(held, Mapping) else f"a {type(held).__name__}"
        raise Problem(f"{path} holds {what}, not a state dict of tensors by name")
    for name, value in held.items():
        if not isinstance(value, Tensor):
            raise Problem(f"{path} holds no state dict: {name} is a {type(value).__name__}, not a tensor")
    parallel = all(str(name).startswith(PARALLEL) for name in held)
    return {
        str(name)[len(PARALLEL) if parallel else 0 :]: value.detach()  # old files hold parameters
        for name, value in held.items()
    }
