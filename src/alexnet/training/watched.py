"""How much gradient reaches each layer, laid down in the log while a training goes on.

It is read from what a step has left at the weights, before that is clipped; nothing is changed and nothing
drawn at random, so that the training is the one that it is without.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from alexnet.training.gradients import Backward
from alexnet.training.loop import NOTED_EVERY, State


class Watched:
    """The same gradients; those of the first step, and of every fiftieth after it, `measure()` for the log.

    `state` is the training's own, which goes on; `note` writes a line and returns the log's length in bytes;
    `steps` are an epoch's.
    """

    def __init__(
        self,
        backward: Backward,
        *,
        measure: Callable[[], Mapping[str, float]],
        note: Callable[[dict[str, Any]], int],
        state: State,
        steps: int,
    ) -> None:
        self.backward, self.measure, self.note = backward, measure, note
        self.state, self.steps = state, steps

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """The batch's loss; its gradients lie at the weights."""
        value = self.backward(images, labels)
        if self.state.steps % NOTED_EVERY == 0:
            self.state.noted = self.note(gradient_line(self.state, self.steps, self.measure()))
        return value


def gradient_line(state: State, steps: int, norms: Mapping[str, float]) -> dict[str, Any]:
    """A line of the log: by layer the gradient's L2 norm at the weights that `step` steps have made.

    A norm that is not finite is null, for JSON has no such number.

    >>> gradient_line(State(epoch=1, step=5, steps=15), 10, {"conv1": 0.25, "fc": math.inf})
    {'epoch': 1.5, 'step': 15, 'gradients': {'conv1': 0.25, 'fc': None}}
    """
    return {
        "epoch": round(state.epoch + state.step / steps, 6),
        "step": state.steps,
        "gradients": {name: norm if math.isfinite(norm) else None for name, norm in norms.items()},
    }
