"""Which device a command computes on."""

import torch

from alexnet.parallel import world
from alexnet.problem import Problem


def device_of(name: str) -> torch.device:
    """`auto` is the first accelerator, or the processor; each of several ranks has one of its own."""
    here = world()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and here.ranks > 1:
        name = f"cuda:{here.local_rank}"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise Problem(f"no device {name!r} here: {str(error).splitlines()[0]}") from None
