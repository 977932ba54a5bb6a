"""A training fitted to a wished time: how many steps it will have, as its own steps show what one costs.

The rate follows the share of the training that is done, so that it comes to its end whenever that is (Li,
Yumer, Ramanan, "Budgeted Training", ICLR 2020). Results depend on the machine's speed then, too.
"""

import math
import time
from collections import deque
from collections.abc import Callable

from alexnet.training.loop import State

EVERY = 5  # steps between two looks at the clock
LOOKS = 13  # whose steps are what the next ones are expected to cost
TRUSTED = 10  # steps from which on they are, not the probe before them


class Pace:
    """Plans how many steps a training has that is to be over at `ends` on `clock`, in seconds.

    `steps` make an epoch, at whose end there is a validation; `step_seconds` and `validation_seconds` are
    what a probe found them to cost, until the training has some of its own.
    """

    def __init__(
        self,
        ends: float,
        *,
        steps: int,
        step_seconds: float,
        validation_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ends, self.steps, self.clock = ends, steps, clock
        self.probed, self.validation = step_seconds, validation_seconds
        self.looks: deque[tuple[int, float]] = deque(maxlen=LOOKS)

    def __call__(self, state: State) -> int:
        """Steps of the whole training as seen after `state.steps` of them; kept in `state.planned`."""
        if (state.steps % EVERY == 0 and self._last() != state.steps) or not state.planned:
            now = self.clock()
            self.looks.append((state.steps, now - state.validation_seconds))
            state.planned = state.steps + self._rest(state, self.ends - now)
        return state.planned

    def _rest(self, state: State, left: float) -> int:
        step = self._step_seconds()
        each = state.validation_seconds / len(state.errors) if state.errors else self.validation
        rest = left / step
        for _ in range(2):  # the validations on the way depend on how many steps there are
            validations = max(math.ceil((state.step + rest) / self.steps), 1)
            rest = (left - validations * each) / step
        return max(int(rest), 0 if state.steps else 1)

    def _step_seconds(self) -> float:
        (first, began), (last, ended) = self.looks[0], self.looks[-1]
        return (ended - began) / (last - first) if last - first >= TRUSTED else self.probed

    def _last(self) -> int:
        return self.looks[-1][0] if self.looks else -1
