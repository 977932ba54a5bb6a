"""What can be taken out of an AlexNet recipe, and what 2012 says it was worth.

Published: [P] the paper's text; [C] the logs of the 2012 code, which give the same with two more digits.
Points of error, top-1 / top-5, on ILSVRC; positive means worse without.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ablation:
    """One thing taken out: `assignments` as of `--set`, and the published effect in words."""

    assignments: tuple[str, ...]
    published: str = ""


# Units that saturate cannot start as ReLUs do: weights of .01 let their signal fade from layer to layer, and
# biases of 1 push them into saturation, so that nothing is learned (docs/ablations.md). These deviations, for
# the paper's numbers of inputs, keep each layer's sums near 1: 1/√inputs, wider behind a norm, and 1/60 of it
# for pixels.
SPREAD = (
    "options.deviations=[0.001, 0.04, 0.03, 0.024, 0.024, 0.0104, 0.0156, 0.0156]",
    "options.bias=0",
)

ABLATIONS: dict[str, Ablation] = {
    "norm": Ablation(("options.norm=false",), "+1.4 / +1.2 [P] §3.3; +1.37 / +1.15 [C] net 148"),
    "overlap": Ablation(("options.overlapping=false",), "+0.4 / +0.3 [P] §3.4; +0.39 / +0.30 [C] net 147"),
    "dropout": Ablation(("options.mask=false",), "“substantial overfitting” [P] §4.2"),
    "colour": Ablation(("colour_noise=null",), "top-1 “over 1” [P] §4.1"),
    "crops": Ablation(("random_crop=false",), "“substantial overfitting” with flips out too [P] §4.1"),
    "flips": Ablation(("flip=false",), ""),
    "biases": Ablation(("options.bias=0",), "slower early learning [P] §5"),
    "relu": Ablation(
        ('options.activation="tanh"', *SPREAD), "tanh: six times the epochs to 25 % on CIFAR-10 [P] §3.1"
    ),
    "relu-sigmoid": Ablation(('options.activation="sigmoid"', *SPREAD), ""),
    "columns": Ablation(("options.columns=1",), "same widths, all linked: not in 2012"),
    "links": Ablation(("options.links=false",), "+1.16 / +1.12, widened to as many parameters [C] net 150"),
    "conv3": Ablation(('options.without=["conv3"]',), "about +2 top-1 [P] §7"),
    "conv4": Ablation(('options.without=["conv4"]',), "about +2 top-1 [P] §7"),
    "fc7": Ablation(('options.without=["fc7"]',), ""),
}
