"""A running average of the weights: what is validated, saved and used, while training goes on beside it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from alexnet.ingredients import Average

OWN = "average/"  # what the tensors of an unaveraged network are called among the optimizer's


class Averaged:
    """The average of `network`'s weights and of what its norms count, by an `Average`."""

    def __init__(self, network: nn.Module, average: Average) -> None:
        self.network, self.average = network, average
        self.tensors: dict[str, Tensor] = {}
        self.begin()

    def begin(self) -> None:
        """Start from the network's weights as they are now."""
        self.tensors = {name: tensor.detach().clone() for name, tensor in self._own()}

    @torch.no_grad()
    def after_step(self, steps: int, share: float) -> None:
        """Take in the weights after `steps` steps, `share` (0..1) of the training."""
        if steps % self.average.every:
            return
        decay = self.average.decay * share**self.average.rise if self.average.rise else self.average.decay
        own = dict(self._own())
        names = [name for name, tensor in own.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.tensors[n] for n in names], [own[n].detach() for n in names], 1 - decay)
        if self.average.restart:
            torch._foreach_copy_([own[n].detach() for n in names], [self.tensors[n] for n in names])
        for name in own.keys() - set(names):  # counts of batches
            self.tensors[name].copy_(own[name])

    @contextmanager
    def put(self) -> Iterator[None]:
        """The network has the average for a while, then its own weights again."""
        own = {name: tensor.detach().clone() for name, tensor in self._own()}
        self._load(self.tensors)
        try:
            yield
        finally:
            self._load(own)

    def state(self) -> dict[str, Tensor]:
        """The network's own tensors, by names that no parameter of an optimizer has."""
        return {f"{OWN}{name}": tensor for name, tensor in self._own()}

    def restore(self, weights: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
        """Put back a checkpoint: its weights are the average, `tensors` hold what `state` gave."""
        self.tensors = {name: weights[name].to(tensor.device).clone() for name, tensor in self._own()}
        self._load({name: tensors[f"{OWN}{name}"] for name in self.tensors})

    def _own(self) -> list[tuple[str, Tensor]]:
        return list(self.network.state_dict().items())

    @torch.no_grad()
    def _load(self, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in self._own():
            tensor.copy_(tensors[name])
