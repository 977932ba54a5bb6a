"""Write docs/variants.md from the networks themselves; `make variants` runs it, a test sees that it was run."""

from pathlib import Path

import torch
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.networks.layers import CeilPad, PaperDropout, ResponseNorm, SameMapNorm
from alexnet.networks.summary import summarise

PAGE = Path(__file__).parent / "variants.md"

# What each is known for, per cent: [P] tables and text of the paper, [C] logs of the 2012 code (ten views,
# ILSVRC-2012 validation unless named), [B] Caffe's cards, [T] torchvision's weights (one view).
KNOWN_FOR = {
    "alexnet": "the paper's text; its printed errors are those of net 145, below",
    "alexnet-2012": "40.7 / 18.2, ILSVRC-2010 test 37.5 / 17.0 [P] tables 1, 2; net 145 [C]",
    "alexnet-2012-half": "ILSVRC-2010 test 39.17 / 18.23: two GPUs are worth 1.7 / 1.2 [P] §3.2 [C]",
    "alexnet-2012-pool2": "41.06 / 18.51: overlapping pools are worth 0.4 / 0.3 [P] §3.4; net 147 [C]",
    "alexnet-2012-nonorm": "42.03 / 19.36: norms are worth 1.4 / 1.2 [P] §3.3; net 148 [C]",
    "alexnet-2012-nolinks": "41.83 / 19.33: not in the paper; net 150 [C]",
    "alexnet-2012-conv6": "39.0 / 16.6 pre-trained on all of ImageNet, “1 CNN*” [P] table 2; net 146 [C]",
    "alexnet-64": "64 pixels, this project's",
    "alexnet-2012-64": "64 pixels, this project's",
    "alexnet-32": "32 pixels, this project's",
    "alexnet-2012-32": "32 pixels, this project's",
    "caffe-alexnet": "42.9 / 19.8, one view [B] bvlc_alexnet",
    "caffenet": "42.6 / 19.6, one view [B] bvlc_reference_caffenet",
    "alexnet-owt": "43.48 / 20.93, one view [T]: Krizhevsky 2014, the “AlexNet” of torchvision",
    "alexnet-d2l": "the lecture's network: one channel, ten classes",
}
NORMS = {"ResponseNorm": "across maps", "SameMapNorm": "within a map"}
COLUMNS = (
    "network", "input", "maps", "groups", "first norm", "second norm", "pools", "dropout", "deviations",
    "biases 1", "parameters", "multiply-adds",
)  # fmt: skip

INTRODUCTION = """\
# Every AlexNet by name

“AlexNet” names at least five networks. This page is made from the networks of this project (`make variants`), so
what it says of one is what `alexnet train` builds.

## How they differ

`maps` are those of conv1 to conv5 (and conv6), `groups` the columns that conv2, conv3, conv4 and conv5 are split
into. A norm is given with its place (before or after ReLU and pool), k, and α as the paper writes it (summed over
the window, not divided by it); “in columns” means that its window never crosses from one GPU's maps to the other's.
`deviations` are those of the initial weights, `biases 1` the layers whose biases start at 1 (or at .1).

"""
AFTER = """
## What each is known for

Top-1 / top-5 error in per cent.

"""
NOTES = """
## The paper against its code

| | the paper's text: `alexnet` | the 2012 code, net 145: `alexnet-2012` |
| --- | --- | --- |
| 224 pixels give 55 positions | not said ((224 − 11) / 4 is no whole number) | windows counted with ceil: three zeros right and below; used for both |
| first norm | after ReLU, over all 96 maps | on the convolution's own output, inside each column's 48; ReLU after the pool |
| α | 1e-4 times the sum over five maps | 1e-4 divided by the window: five times less |
| after the second norm | nothing | a norm over 5 × 5 pixels of the same map, unmentioned in the paper |
| first weights | deviation .01 everywhere | .03 in conv3, conv4 and conv5 |
| biases | rate and decay of the weights | twice the rate, no decay |
| rate | ÷10 when validation stops falling, three times | ÷10 at epochs 25, 51, 79; conv1 slowed at 67, frozen at 72; ended at 91 |
| crops | 32 · 32 · 2 = 2,048 | 33 · 33 · 2 = 2,178, one draw for 32 images in a row |
| colour noise | eigenvalue · α | √eigenvalue · α, the picture then divided by 1.1; off from epoch 67 |
| dropout | outputs times .5 in testing | the same; equal to torch's if the next layer's weights are halved |

What neither says, and what is assumed here: fc8's biases start at 0; validation error “stops falling” after five
epochs without a new best; the code's division by 1.1 holds where its noise is on, in training only; the log's note
that biases once kept .002 while the weights' rate fell further is not followed.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as Markdown."""
    names = [name for name in NETWORKS if name in KNOWN_FOR]
    known = [f"| `{name}` | {KNOWN_FOR[name]} |" for name in names]
    return (
        INTRODUCTION
        + "\n".join(table([row(name) for name in names]))
        + "\n"
        + AFTER
        + "\n".join(["| network | errors, and whence |", "| --- | --- |", *known])
        + "\n"
        + NOTES
    )


def table(rows: list[list[str]]) -> list[str]:
    """Rows as a Markdown table."""
    lines = [list(COLUMNS), ["---"] * len(COLUMNS), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def row(name: str) -> list[str]:
    """One network's row, read off its layers."""
    known = NETWORKS[name]
    with torch.device("meta"):
        network = create(name, classes=known.classes, channels=known.input[0])
    layers = summarise(network, known.input)
    children = dict(network.named_children())
    convolutions = {key: layer for key, layer in children.items() if isinstance(layer, nn.Conv2d)}
    dense = [layer for key, layer in children.items() if key in ("drop6", "drop7")]
    return [
        f"`{name}`",
        f"{known.input[0]} × {known.input[1]}²{edge(children)}",
        ", ".join(str(layer.out_channels) for layer in convolutions.values()),
        ", ".join(str(layer.groups) for key, layer in convolutions.items() if key in CONVOLUTIONS),
        norm(children, "1"),
        norm(children, "2"),
        " ".join(sorted({f"{layer.kernel_size}/{layer.stride}" for layer in pools(children)})),
        "the paper's" if all(isinstance(layer, PaperDropout) for layer in dense) else "torch's",
        deviations(name),
        biases(name),
        f"{sum(layer.parameters for layer in layers):,}",
        f"{sum(layer.multiply_adds for layer in layers):,}",
    ]


CONVOLUTIONS = ("conv2", "conv3", "conv4", "conv5")


def edge(children: dict[str, nn.Module]) -> str:
    """How the border of the image is treated."""
    padding = children["conv1"].padding[0]  # type: ignore[index]
    if isinstance(children.get("edge"), CeilPad):
        return ", ceil"
    return f", pad {padding}" if padding else ""


def pools(children: dict[str, nn.Module]) -> list[nn.MaxPool2d]:
    """The max pools."""
    return [layer for layer in children.values() if isinstance(layer, nn.MaxPool2d)]


def norm(children: dict[str, nn.Module], number: str) -> str:
    """The norms of one stage and their place in it."""
    stage = [key for key in children if key.endswith(number) and not key.startswith(("fc", "conv"))]
    words = []
    for key in stage:
        layer = children[key]
        if isinstance(layer, ResponseNorm | SameMapNorm):
            before = [other.rstrip(number) for other in stage[: stage.index(key)] if "norm" not in other]
            place = f"after {before[-1]}" if before else f"on conv{number}"
            words.append(f"{NORMS[type(layer).__name__]} {place}{facts(layer)}")
    return "; ".join(words) or "none"


def facts(layer: ResponseNorm | SameMapNorm) -> str:
    """Window, k and the paper's α of a norm."""
    if isinstance(layer, SameMapNorm):
        return f", {layer.kernel_size}×{layer.kernel_size}, α {layer.alpha / layer.kernel_size**2:.1g}"
    columns = ", in columns" if layer.columns > 1 else ""
    return f", n {layer.size}, k {layer.k:g}, α {layer.alpha / layer.size:.1g}{columns}"


def built(name: str) -> nn.Module:
    """The network with real weights, to measure how they start."""
    known = NETWORKS[name]
    return create(name, classes=known.classes, channels=known.input[0])


def deviations(name: str) -> str:
    """Standard deviations of the initial weights, layer by layer, equal neighbours together."""
    values = [
        f"{parameter.std().item():.2g}".lstrip("0")
        for key, parameter in built(name).named_parameters()
        if key.endswith("weight")
    ]
    runs: list[tuple[str, int]] = []
    for value in values:
        runs = (
            [*runs[:-1], (value, runs[-1][1] + 1)] if runs and runs[-1][0] == value else [*runs, (value, 1)]
        )
    return " ".join(value if count == 1 else f"{count} × {value}" for value, count in runs)


def biases(name: str) -> str:
    """Layers whose biases do not start at zero."""
    found: dict[str, list[str]] = {}
    for key, parameter in built(name).named_parameters():
        layer, _, kind = key.partition(".")
        if kind == "bias" and parameter[0] != 0 and bool((parameter == parameter[0]).all()):
            found.setdefault(f"{parameter[0].item():g}".lstrip("0"), []).append(layer)
    return "; ".join(f"{', '.join(layers)}: {value}" for value, layers in found.items()) or "none"


if __name__ == "__main__":
    main()
