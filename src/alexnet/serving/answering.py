"""A run's network as those use it that answer: on its device, in the order of memory that is fastest."""

import torch
from torch import nn

from alexnet.memory import keep_freed_memory
from alexnet.run import Run


def answering(run: Run, device: torch.device) -> nn.Module:
    """The newest weights in evaluation mode, channels last, as in training.

    On a processor the process keeps the memory it frees from then on (`alexnet.memory`).
    """
    if device.type == "cpu":
        keep_freed_memory()
    network = run.network().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert isinstance(network, nn.Module)
    return network
