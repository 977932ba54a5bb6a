"""When the rate is what: schedules as frozen values that one can call.

A schedule is a pure function `schedule(epoch, epochs, errors) -> rate`: of how far training is (epochs, with
fractions), how long it will be, and the validation errors so far. It has no state to save or to get wrong.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class Constant(Value):
    """The same rate throughout, after a linear warm-up from zero over `warm_up` epochs."""

    kind: Literal["constant"] = "constant"
    start: float = Field(ge=0)
    warm_up: float = Field(default=0.0, ge=0, description="epochs of linear rise from zero")

    def __call__(self, epoch: float, epochs: float, errors: Sequence[float] = ()) -> float:
        """Rate at `epoch` of `epochs`.

        >>> Constant(start=0.1, warm_up=2)(1.0, 10)
        0.05
        """
        return self.start * _risen(epoch, self.warm_up)


class Steps(Value):
    """The rate times `factor` at each of `drops` (epochs)."""

    kind: Literal["steps"] = "steps"
    start: float = Field(ge=0)
    drops: tuple[float, ...]
    factor: float = Field(default=0.1, gt=0)
    warm_up: float = Field(default=0.0, ge=0)

    def __call__(self, epoch: float, epochs: float, errors: Sequence[float] = ()) -> float:
        """Rate at `epoch`.

        >>> Steps(start=0.01, drops=(25, 51, 79))(51.0, 91)
        0.0001
        """
        passed = sum(epoch >= drop for drop in self.drops)
        return _divided(self.start, self.factor, passed) * _risen(epoch, self.warm_up)


class Pieces(Value):
    """Piecewise constant: `values[i]` from epoch `starts[i]` on."""

    kind: Literal["pieces"] = "pieces"
    starts: tuple[float, ...]
    values: tuple[float, ...]

    @model_validator(mode="after")
    def _check(self) -> "Pieces":
        if len(self.starts) != len(self.values) or not self.starts or self.starts[0] != 0:
            raise ValueError("starts and values must be of equal length and starts must begin with 0")
        if list(self.starts) != sorted(self.starts):
            raise ValueError("starts must rise")
        return self

    def __call__(self, epoch: float, epochs: float, errors: Sequence[float] = ()) -> float:
        """Value at `epoch`.

        >>> Pieces(starts=(0, 67, 72), values=(1, 0.1, 0))(70, 91)
        0.1
        """
        return self.values[sum(epoch >= start for start in self.starts) - 1]


class Sizes(Value):
    """Piecewise constant sides in pixels: `values[i]` from the share `starts[i]` of the training on."""

    starts: tuple[Annotated[float, Field(ge=0, lt=1)], ...]
    values: tuple[Annotated[int, Field(ge=8)], ...]

    @model_validator(mode="after")
    def _check(self) -> "Sizes":
        Pieces(starts=self.starts, values=self.values)  # the same rules
        return self

    def __call__(self, share: float) -> int:
        """Side after `share` (0..1) of the training.

        >>> Sizes(starts=(0, 0.5, 0.9), values=(40, 48, 64))(0.6)
        48
        """
        return self.values[sum(share >= start for start in self.starts) - 1]


class Exponential(Value):
    """`dexp` of the 2014 code: from `start` to `start / factor` in `steps` equal falls."""

    kind: Literal["exponential"] = "exponential"
    start: float = Field(ge=0)
    factor: float = Field(default=250.0, gt=0)
    steps: int = Field(default=4, ge=2)

    def __call__(self, epoch: float, epochs: float, errors: Sequence[float] = ()) -> float:
        """Rate at `epoch` of `epochs`.

        >>> [round(Exponential(start=0.01)(epoch, 80), 7) for epoch in (0, 20, 40, 60)]
        [0.01, 0.0015874, 0.000252, 4e-05]
        """
        part = min(int(epoch / epochs * self.steps), self.steps - 1)
        return float(self.start * self.factor ** (-part / (self.steps - 1)))


class Cosine(Value):
    """Half a cosine from `start` down to `end`, after a linear warm-up from zero."""

    kind: Literal["cosine"] = "cosine"
    start: float = Field(ge=0)
    end: float = Field(default=0.0, ge=0)
    warm_up: float = Field(default=0.0, ge=0)

    def __call__(self, epoch: float, epochs: float, errors: Sequence[float] = ()) -> float:
        """Rate at `epoch` of `epochs`.

        >>> Cosine(start=0.1)(5, 10)
        0.05
        """
        if epoch < self.warm_up:
            return self.start * _risen(epoch, self.warm_up)
        part = min((epoch - self.warm_up) / max(epochs - self.warm_up, 1e-9), 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * part)) / 2


class OneCycle(Value):
    """Straight from `begin` to `peak` in the first `rise` of the training, straight to `end` in the rest."""

    kind: Literal["one-cycle"] = "one-cycle"
    peak: float = Field(ge=0)
    rise: float = Field(default=0.25, gt=0, lt=1, description="share of the training")
    begin: float = Field(default=0.0, ge=0)
    end: float = Field(default=0.0, ge=0)

    def __call__(self, epoch: float, epochs: float, errors: Sequence[float] = ()) -> float:
        """Rate at `epoch` of `epochs`.

        >>> [OneCycle(peak=0.4, rise=0.5)(epoch, 10) for epoch in (0, 2.5, 5, 7.5, 10)]
        [0.0, 0.2, 0.4, 0.2, 0.0]
        """
        part = min(epoch / epochs, 1.0)
        if part < self.rise:
            return self.begin + (self.peak - self.begin) * part / self.rise
        return self.end + (self.peak - self.end) * (1 - part) / (1 - self.rise)


class Plateau(Value):
    """The rate times `factor` when the validation error has not fallen for `patience` epochs, `drops` times.

    The 2012 recipe without its log: divided by 10 by hand when the error stopped falling, thrice ([P] §5).
    """

    kind: Literal["plateau"] = "plateau"
    start: float = Field(ge=0)
    factor: float = Field(default=0.1, gt=0)
    patience: int = Field(default=5, ge=1)
    drops: int = Field(default=3, ge=0)

    def __call__(self, epoch: float, epochs: float, errors: Sequence[float] = ()) -> float:
        """Rate after the validation errors of all ended epochs.

        >>> Plateau(start=0.01, patience=2)(5, 90, errors=[50, 40, 41, 42, 39])
        0.001
        """
        best, waited, dropped = math.inf, 0, 0
        for error in errors:
            best, waited = (error, 0) if error < best else (best, waited + 1)
            if waited == self.patience and dropped < self.drops:
                waited, dropped = 0, dropped + 1
        return _divided(self.start, self.factor, dropped)


def _risen(epoch: float, warm_up: float) -> float:
    return min(epoch / warm_up, 1.0) if warm_up else 1.0


def _divided(start: float, factor: float, times: int) -> float:
    # 0.01 / 10**2 is 0.0001 to the bit where 0.01 * 0.1 * 0.1 is not: a log should show the paper's figures
    return start / (1 / factor) ** times


def _constant_from_number(value: Any) -> Any:
    return {"kind": "constant", "start": value} if isinstance(value, int | float) else value


Schedule = Annotated[
    Constant | Steps | Pieces | Exponential | Cosine | OneCycle | Plateau,
    Field(discriminator="kind"),
    BeforeValidator(_constant_from_number),
]
