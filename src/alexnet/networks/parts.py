"""A network or a part of one by name, with what goes in and comes out: `vgg16`, `vgg16.fc6`.

The part is named as in the network's file, nested ones with dots. Beside it, the plain convolution that would
take and give as many maps.
"""

import difflib
from dataclasses import dataclass

from torch import nn

from alexnet.networks import NETWORKS, create, entry
from alexnet.networks.tracing import Shape, trace
from alexnet.networks.undrawn import on_paper
from alexnet.problem import UsageProblem


@dataclass(frozen=True)
class Part:
    """A module on the meta device, and its shapes for one image of its network."""

    name: str
    module: nn.Module
    input: Shape  # of one image, without N
    output: Shape


def find(name: str, *, classes: int | None = None) -> Part:
    """The network or part of this name; a UsageProblem says which there are.

    >>> find("vgg16.fc6").input, find("googlenet.inception3a").output
    ((25088,), (256, 28, 28))
    """
    whole, path = split(name)
    known = entry(whole)
    outputs = classes or known.classes
    with on_paper():
        network = create(whole, classes=outputs, channels=known.input[0])
    if not path:
        return Part(whole, network, known.input, (outputs,))
    module = _child(whole, network, path)
    for passed in trace(network, known.input):
        if passed.name == path:
            return Part(name, module, passed.input, passed.output)
    raise UsageProblem(f"{name} takes no part in evaluation, so nothing says what goes into it")


def split(name: str) -> tuple[str, str]:
    """The network and the part in it, which is empty for the network itself.

    >>> split("resnet50-v1.5.conv2.0"), split("lenet")
    (('resnet50-v1.5', 'conv2.0'), ('lenet', ''))
    """
    for whole in NETWORKS:
        if name == whole or name.startswith(f"{whole}."):
            return whole, name[len(whole) + 1 :]
    return name.partition(".")[0], name.partition(".")[2]


def plain(like: Part, kernel: int) -> Part:
    """One convolution, kernel × kernel with biases, that takes and gives as many maps as `like`."""
    if len(like.input) != 3 or len(like.output) != 3:
        raise UsageProblem(
            f"{like.name} does not go from maps to maps, so no convolution does its work; name a block, such "
            "as googlenet.inception3a"
        )
    (maps, *sides), (outputs, *wanted) = like.input, like.output
    stride = max(1, round(sides[0] / wanted[0]))
    for padding in (kernel // 2, 0):
        if [(side + 2 * padding - kernel) // stride + 1 for side in sides] == wanted:
            with on_paper():
                layer = nn.Conv2d(maps, outputs, kernel, stride, padding)
            return Part(f"{kernel}x{kernel}", layer, like.input, like.output)
    raise UsageProblem(
        f"no {kernel}x{kernel} convolution makes {wanted} pixels of {sides}, as {like.name} does"
    )


def _child(whole: str, network: nn.Module, path: str) -> nn.Module:
    module, done = network, whole
    for step in path.split("."):
        children = dict(module.named_children())
        if step not in children:
            close = difflib.get_close_matches(step, children, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            there = f"its parts are {', '.join(children)}" if children else "it is one layer"
            raise UsageProblem(f"{done} has no part {step!r}; {hint}{there}")
        module, done = children[step], f"{done}.{step}"
    return module
