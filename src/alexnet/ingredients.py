"""Values within a recipe: noise, distortions, rules, mixtures, averages of weights."""

from typing import Literal

from pydantic import Field, model_validator

from alexnet.schedule import Pieces, Value


class ColourNoise(Value):
    """Random relighting along the colour eigenvectors, one draw an image ([P] §4.1).

    `paper` adds eigenvector · eigenvalue · α (on the 0..1 scale, as printed); `code` adds
    eigenvector · √eigenvalue · α and divides the picture by 1 + deviation ([C] convdata.py).
    """

    form: Literal["paper", "code"] = "paper"
    deviation: float = Field(default=0.1, ge=0, description="standard deviation of α")
    until: float | None = Field(default=None, ge=0, description="epoch from which there is none")

    @property
    def shrink(self) -> float:
        """What the noisy picture is divided by."""
        return 1.0 + self.deviation if self.form == "code" else 1.0


class Affine(Value):
    """Each view turned, scaled, squeezed, sheared and shifted at random, in one resampling.

    LeCun, Bottou, Bengio, Haffner (1998), §III.A, distorts digits so, but for the turn. What comes in at an
    edge has the mean colour.
    """

    turn: float = Field(default=0.0, ge=0, le=180, description="degrees at most, either way")
    scale: tuple[float, float] = Field(default=(1.0, 1.0), description="times as large, by the logarithm")
    squeeze: float = Field(
        default=0.0, ge=0, description="0.1: up to 1.1 times as wide and as much lower, or the reverse"
    )
    shear: float = Field(default=0.0, ge=0, description="of a row's distance from the middle, sideways")
    shift: float = Field(default=0.0, ge=0, le=0.5, description="share of the side, in both directions")

    @model_validator(mode="after")
    def _check(self) -> "Affine":
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError("scale must be [lowest, highest], both above 0")
        return self


class Rule(Value):
    """Parameters whose name fits `match` (shell pattern: `conv1.*`, `*.bias`) learn differently.

    `times` multiplies the rate (a number, or pieces over epochs; several rules multiply); `weight_decay`
    replaces the recipe's (the last rule that gives one holds).
    """

    match: str
    times: float | Pieces = 1.0
    weight_decay: float | None = Field(default=None, ge=0)

    def rate(self, epoch: float) -> float:
        """Multiplier of the rate at `epoch`."""
        return self.times(epoch, 0.0) if isinstance(self.times, Pieces) else self.times


class Mix(Value):
    """Each picture of a batch mixed with another, the labels in the same proportion.

    `mixup` blends the two (Zhang, Cisse, Dauphin, Lopez-Paz 2017), `cutmix` pastes a window of the other
    (Yun et al. 2019); both are parameters α of the beta distribution that the proportion is drawn from, one
    draw a batch. Where both are given, each batch takes one of them at random.
    """

    mixup: float = Field(default=0.0, ge=0)
    cutmix: float = Field(default=0.0, ge=0)
    share: float = Field(default=1.0, gt=0, le=1, description="of the batches that are mixed")
    until: float | None = Field(default=None, ge=0, description="epoch from which there is none")

    @model_validator(mode="after")
    def _check(self) -> "Mix":
        if not self.mixup and not self.cutmix:
            raise ValueError("give mixup or cutmix a value above 0, or set mix=null")
        return self


class Average(Value):
    """A running average of the weights, which is what is validated, saved and used.

    Every `every` steps: average ← d · average + (1 − d) · weights, where d = decay · (share of the training
    done)^rise, so that with `rise` the first weights are soon forgotten (Polyak, Juditsky 1992). With
    `restart` the weights go on from the average each time: lookahead (Zhang, Lucas, Hinton, Ba 2019).
    """

    decay: float = Field(default=0.999, gt=0, lt=1)
    every: int = Field(default=1, ge=1, description="steps")
    rise: float = Field(default=0.0, ge=0)
    restart: bool = False


class Teacher(Value):
    """A run whose answers on the very same views are learned beside the labels (Hinton et al. 2015).

    `share` of the target is the teacher's probabilities, the rest the label: at temperature 1 their
    cross-entropy is the divergence from the teacher but for a constant.
    """

    run: str
    share: float = Field(default=0.5, gt=0, le=1)
