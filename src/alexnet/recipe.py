"""A recipe: everything that decides a training but the pictures, as frozen values that JSON can hold."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from alexnet.ingredients import Affine, Average, ColourNoise, Mix, Rule, Teacher
from alexnet.schedule import Plateau, Schedule, Sizes, Value

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class Recipe(Value):
    """One training, whole: the network, what it sees, how it learns; `--set field=value` changes a field."""

    name: str
    network: str
    options: dict[str, Any] = Field(default_factory=dict, description="keyword arguments of the network")

    # what the network sees
    train_share: Share = Field(
        default=1.0,
        description="share of each class's training pictures, drawn by the seed; a smaller one is part of a "
        "larger. The means are still those of all",
    )
    channels: Literal[1, 3] = 3
    crop: int | None = Field(
        default=None, ge=1, description="side of a view in pixels; null: the whole image"
    )
    pad: int = Field(default=0, ge=0, description="pixels of margin around the image before the crop")
    pad_with: Literal["mean", "reflection"] = Field(
        default="mean", description="the margin: the mean colour, or the image mirrored at its edge"
    )
    flip: bool | Literal["alternate"] = Field(
        default=False,
        description="mirror at random; alternate: every other epoch, starting at random (Jordan 2024, §3.6)",
    )
    images_per_draw: int = Field(
        default=1, ge=1, description="images in a row that share one crop and flip; 32 in the 2012 code"
    )
    random_crop: bool = True
    area: tuple[Share, Share] | None = Field(
        default=None,
        description="random window of so much of the image, brought to `crop`; 0.08 to 1 in GoogLeNet's §6",
    )
    ratio: tuple[Positive, Positive] = Field(
        default=(3 / 4, 4 / 3), description="width by height of that window; GoogLeNet's §6"
    )
    scales: tuple[int, int] | None = Field(
        default=None,
        description="random length of the shorter side that `crop` is cut from; 256 to 512 in VGG's §3.1, "
        "256 to 480 in ResNet's §3.4",
    )
    colour_noise: ColourNoise | None = None
    affine: Affine | None = Field(
        default=None, description="turns, scales, squeezes, shears and shifts (LeCun et al. 1998, §III.A)"
    )
    augment: Literal["none", "trivial"] = Field(
        default="none",
        description="trivial: one random distortion of random strength (Müller, Hutter 2021: TrivialAugment)",
    )
    cutout: int = Field(
        default=0, ge=0, description="side of a square of mean colour put anywhere (DeVries, Taylor 2017)"
    )
    mix: Mix | None = None
    sizes: Sizes | None = Field(
        default=None, description="side in pixels that views are brought to, in pieces over the training"
    )
    sampling: Literal["shuffled", "balanced", "root"] = Field(
        default="shuffled",
        description="balanced: every class as often; root: by the square root of its pictures",
    )
    class_weights: Literal["none", "inverse", "root", "effective"] = Field(
        default="none", description="of the loss; effective: Cui et al. 2019"
    )
    mean: Literal["image", "channel", "none"] = "image"
    divide_by: Positive | Literal["deviation"] = 1.0

    # how it learns
    epochs: int | float = Field(ge=0, description="0 trains nothing: a run of the weights it starts from")
    seconds: Positive | None = Field(
        default=None, description="wish for the whole training: its epochs are fitted on the way (--time)"
    )
    batch: int = Field(default=128, ge=1, description="images a step, over all ranks")
    accumulate: int = Field(default=1, ge=1, description="parts of a rank's batch, one after another")
    sync_batch_norm: bool = Field(default=False, description="batch norm over the images of all ranks")
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        default="float32",
        description="of matrix products; bfloat16 is faster where the machine has units for it, else slower; "
        "auto takes it where there are such units",
    )
    seed: int = Field(default=0, ge=0)
    optimizer: Literal["sgd-2012", "sgd", "adamw", "rmsprop", "lars", "muon"] = "sgd-2012"
    learning_rate: Schedule
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = Field(default=False, description="of sgd: the step looks ahead by the momentum")
    rms_decay: float = Field(
        default=0.9,
        ge=0,
        lt=1,
        description="of rmsprop's average of squared gradients; Inception v3's §8",
    )
    rms_epsilon: Positive = Field(
        default=1.0, description="added to that average under the root; Inception v3's §8"
    )
    clip: Positive | None = Field(
        default=None, description="longest gradient of all weights together; 2 in Inception v3's §8"
    )
    weight_decay: float = Field(default=0.0, ge=0)
    decay_of: Literal["all", "weights"] = Field(
        default="all", description="weights: no decay of norms and biases (He et al. 2018, §3.1)"
    )
    rules: tuple[Rule, ...] = ()
    frozen: tuple[str, ...] = Field(default=(), description="patterns of parameters that stay as they are")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    whiten: str | None = Field(
        default=None,
        description="convolution whose kernels start as the whitening of the training patches, both signs, "
        "and stay so (Jordan 2024, §3.2)",
    )
    average: Average | None = None
    teacher: Teacher | None = None

    @model_validator(mode="after")
    def _check(self) -> "Recipe":
        faults = {
            "colour_noise needs channels=3": self.colour_noise and self.channels != 3,
            "ratio is that of area's window: set area too": not self.area and self._is_set("ratio"),
            "nesterov is sgd's: set optimizer=sgd": self.nesterov and self.optimizer != "sgd",
            "pad_with needs a margin: set pad, or pad_with=mean": self.pad_with != "mean" and not self.pad,
            "sizes begins with a view's own side at most: crop": self.sizes
            and max(self.sizes.values) > (self.crop or math.inf),
            "rms_decay and rms_epsilon are rmsprop's: set optimizer=rmsprop": self.optimizer != "rmsprop"
            and (self._is_set("rms_decay") or self._is_set("rms_epsilon")),
        }
        _refuse(faults | self._faults_of_windows())
        return self

    def _faults_of_windows(self) -> dict[str, Any]:
        pairs = {"area": self.area, "ratio": self.ratio, "scales": self.scales}
        return {
            **{
                f"{name} must be [lowest, highest]": pair and pair[0] > pair[1]
                for name, pair in pairs.items()
            },
            "area and scales both say how large the window is: set one of them to null": self.area
            and self.scales,
            "area and scales take their window inside the image: set pad=0": self.resizes and self.pad,
            "area and scales are random crops: set random_crop=true, or both of them to null": self.resizes
            and not self.random_crop,
            "scales needs crop, and none smaller than it: the crop is cut from the scaled image": self.scales
            and self.scales[0] < (self.crop or math.inf),
        }

    def _is_set(self, field: str) -> bool:
        return bool(getattr(self, field) != type(self).model_fields[field].default)

    @property
    def resizes(self) -> bool:
        """Whether training's windows are of random size, brought to `crop` pixels."""
        return self.area is not None or self.scales is not None

    def needs_validation(self) -> bool:
        """Whether the rate follows the validation error."""
        return isinstance(self.learning_rate, Plateau)


def _refuse(faults: Mapping[str, Any]) -> None:
    for fault, there in faults.items():
        if there:
            raise ValueError(fault)
