"""Training steps of AlexNet at 224 pixels beside plain torch and torchvision, each in a process of its own.

Plain torch is the same network as one writes it there: `nn.LocalResponseNorm`, `torch.optim.SGD`, its own
memory order and its own memory. torchvision's AlexNet has no norms, one column and other widths, so it is
compared by the multiply-adds that it does a second. Ours is also held against large matrix products in
float32. Multiply-adds are those that are done: the gradient of the first layer's input is not.
"""

from collections.abc import Callable, Iterator
from statistics import median
from typing import Literal

import torch
from torch import nn

from alexnet.memory import keep_freed_memory
from alexnet.networks import create, entry
from alexnet.networks.layers import PaperDropout, ResponseNorm, SameMapNorm
from alexnet.networks.summary import Layer, summarise
from alexnet.training.optimizer import SGD2012
from alexnet.training.precision import has_bfloat16_units, in_precision
from benchmarks.table import Row, compared
from benchmarks.workers import interleaved_workers

Precision = Literal["float32", "bfloat16"]
NETWORKS = ("alexnet", "alexnet-2012")
BATCHES = (64, 128)
ROUNDS = 5
SIDE = 4096  # of the matrix product
PRODUCTS = 3  # in a row, some two seconds


def rows() -> Iterator[Row]:
    """Each network at each batch beside its peers."""
    for network in NETWORKS:
        for batch in BATCHES:
            yield from beside_peers(network, batch)


def beside_peers(network: str, batch: int) -> Iterator[Row]:
    """Rows of one network and batch, from one interleaved run."""
    factories: dict[str, tuple[Callable[..., Callable[[], object]], tuple[object, ...]]] = {
        "ours": (ours, (network, batch, "float32")),
        "plain": (plain, (network, batch)),
        "torchvision": (torchvision_alexnet, (batch,)),
        "product": (product, ()),
    }
    if has_bfloat16_units(torch.device("cpu")):
        factories["bfloat16"] = (ours, (network, batch, "bfloat16"))
    times, peaks = interleaved_workers(factories, ROUNDS)
    what = f"training step, {network}, batch {batch} at {side(network)}"
    images = f"{batch / median(times['ours']):.1f}"
    done = multiply_adds(summarise(create(network, classes=1000), (3, side(network), side(network))))
    theirs = multiply_adds(summarise(_torchvision(), (3, 224, 224)))

    yield compared(what, "plain torch", pair(times, "plain"), images, "images/s")
    rate = 2 * batch * done / median(times["ours"]) / 1e9
    pace = [seconds / (2 * SIDE**3 * PRODUCTS) * 2 * batch * done for seconds in times["product"]]
    both = {"ours": times["ours"], "peer": pace}
    yield compared(what, "a matrix product's rate", both, f"{rate:.0f}", "GFLOP/s")
    scaled = [seconds * done / theirs for seconds in times["torchvision"]]
    both = {"ours": times["ours"], "peer": scaled}
    yield compared(what, "torchvision's alexnet, by multiply-add", both, f"{rate:.0f}", "GFLOP/s")
    both = {"ours": [peaks["ours"]] * ROUNDS, "peer": [peaks["plain"]] * ROUNDS}
    yield compared(f"peak memory, {what}", "plain torch", both, f"{peaks['ours'] / 2**20:.0f}", "MiB")
    if "bfloat16" in times:
        both = {"ours": times["bfloat16"], "peer": times["plain"]}
        images = f"{batch / median(times['bfloat16']):.1f}"
        yield compared(f"{what}, precision=bfloat16", "plain torch in float32", both, images, "images/s")


def pair(times: dict[str, list[float]], peer: str) -> dict[str, list[float]]:
    """The times of ours and of one peer."""
    return {"ours": times["ours"], "peer": times[peer]}


def multiply_adds(layers: list[Layer]) -> int:
    """Of a step, an image: forward, and twice that backward but for the gradient of the pictures."""
    counted = [layer.multiply_adds for layer in layers if layer.multiply_adds]
    return 3 * sum(counted) - counted[0]


def side(network: str) -> int:
    """Pixels of a side of the network's pictures."""
    return entry(network).input[1]


# ------------------------------------------------------------------------------------------- the alternatives


def ours(network: str, batch: int, precision: Precision) -> Callable[[], object]:
    """A step as `alexnet train` takes it."""
    keep_freed_memory()
    net = create(network, classes=1000).to(memory_format=torch.channels_last)
    optimizer = SGD2012([{"params": list(net.parameters())}], lr=0.01, weight_decay=5e-4)
    images, labels = batch_of(batch, side(network))
    return step(net, optimizer, images.to(memory_format=torch.channels_last), labels, precision)


def plain(network: str, batch: int) -> Callable[[], object]:
    """A step of the same network in torch's own layers, memory order and optimizer."""
    net = plain_network(network)
    return step(net, sgd(net), *batch_of(batch, side(network)))


def plain_network(network: str) -> nn.Module:
    """The network in torch's own layers."""
    net = create(network, classes=1000)
    for name, layer in list(net.named_modules()):
        if isinstance(layer, ResponseNorm):
            net.set_submodule(name, nn.LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k))
        if isinstance(layer, SameMapNorm):
            net.set_submodule(name, PlainSameMapNorm(layer))
        if isinstance(layer, PaperDropout):
            net.set_submodule(name, nn.Dropout(0.5))
    return net


def torchvision_alexnet(batch: int) -> Callable[[], object]:
    """A step of torchvision's AlexNet in torch's own memory order and optimizer."""
    net = _torchvision()
    return step(net, sgd(net), *batch_of(batch, 224))


def product() -> Callable[[], object]:
    """Large matrix products: what the machine can do in float32."""
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    return lambda: [left @ right for _ in range(PRODUCTS)]


def step(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    precision: Precision = "float32",
) -> Callable[[], object]:
    """A step of training."""
    loss = in_precision(
        lambda net, images, labels: nn.functional.cross_entropy(net(images), labels), precision
    )
    net.train()

    def work() -> None:
        optimizer.zero_grad()
        loss(net, images, labels).backward()
        optimizer.step()

    return work


def batch_of(batch: int, pixels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random pictures and labels."""
    return torch.randn(batch, 3, pixels, pixels), torch.randint(1000, (batch,))


def sgd(net: nn.Module) -> torch.optim.Optimizer:
    """torch's own."""
    return torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)


class PlainSameMapNorm(nn.Module):
    """The norm within a map as its formula reads."""

    def __init__(self, norm: SameMapNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, maps: torch.Tensor) -> torch.Tensor:  # noqa: D102
        norm = self.norm
        squares = nn.functional.avg_pool2d(maps**2, norm.kernel_size, stride=1, padding=norm.kernel_size // 2)
        return maps / (norm.k + norm.alpha * squares) ** norm.beta


def _torchvision() -> nn.Module:
    from torchvision.models import alexnet  # type: ignore[import-untyped]

    net: nn.Module = alexnet()
    return net
