"""The line of networks, oldest first: a name, a constructor, and what the paper fed it.

Adding one is a file of its own and a line in `NETWORKS`.
"""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.networks import (
    airbench,
    alexnet,
    bn_inception,
    convnet,
    googlenet,
    inception_resnet_v2,
    inception_v3,
    inception_v4,
    lenet,
    nin,
    resnet,
    resnet_plans,
    vgg,
)
from alexnet.problem import UsageProblem


class Loss(Protocol):
    """`loss(network, images, labels)`: what training makes small; side heads take part here only."""

    def __call__(  # noqa: D102
        self, network: nn.Module, images: Tensor, labels: Tensor, *, label_smoothing: float = 0.0
    ) -> Tensor: ...


def cross_entropy(
    network: nn.Module, images: Tensor, labels: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Mean multinomial logistic regression loss in nats; labels [N], or probabilities [N, classes]."""
    return F.cross_entropy(network(images), labels, label_smoothing=label_smoothing)


@dataclass(frozen=True)
class Entry:
    """One network of the line: `build(classes=…, channels=…, **options)` and its facts."""

    build: Callable[..., nn.Module]
    year: int
    input: tuple[int, int, int]  # [C, H, W] of the paper
    classes: int = 1000
    loss: Loss = cross_entropy


NETWORKS: dict[str, Entry] = {
    "lenet-1998": Entry(lenet.lenet_1998, 1998, (1, 32, 32), classes=10),
    "lenet": Entry(lenet.lenet, 1998, (1, 28, 28), classes=10),
    "convnet-80sec": Entry(convnet.convnet_80sec, 2011, (3, 32, 32), classes=10),
    "convnet-19pct": Entry(convnet.convnet_19pct, 2011, (3, 32, 32), classes=10),
    "convnet-18pct": Entry(convnet.convnet_18pct, 2011, (3, 32, 32), classes=10),
    "convnet-conv-local-13pct": Entry(convnet.convnet_conv_local_13pct, 2011, (3, 24, 24), classes=10),
    "alexnet": Entry(alexnet.alexnet, 2012, (3, 224, 224)),
    "alexnet-2012": Entry(alexnet.alexnet_2012, 2012, (3, 224, 224)),
    "alexnet-2012-half": Entry(alexnet.alexnet_2012_half, 2012, (3, 224, 224)),
    "alexnet-2012-pool2": Entry(alexnet.alexnet_2012_pool2, 2012, (3, 224, 224)),
    "alexnet-2012-nonorm": Entry(alexnet.alexnet_2012_nonorm, 2012, (3, 224, 224)),
    "alexnet-2012-nolinks": Entry(alexnet.alexnet_2012_nolinks, 2012, (3, 224, 224)),
    "alexnet-2012-conv6": Entry(alexnet.alexnet_2012_conv6, 2012, (3, 224, 224)),
    "alexnet-64": Entry(alexnet.alexnet_64, 2012, (3, 56, 56), classes=200),
    "alexnet-32": Entry(alexnet.alexnet_32, 2012, (3, 28, 28), classes=10),
    "alexnet-2012-64": Entry(alexnet.alexnet_2012_64, 2012, (3, 56, 56), classes=200),
    "alexnet-2012-32": Entry(alexnet.alexnet_2012_32, 2012, (3, 28, 28), classes=10),
    "nin": Entry(nin.nin, 2013, (3, 224, 224)),
    "nin-cifar": Entry(nin.nin_cifar, 2013, (3, 32, 32), classes=10),
    "nin-32": Entry(nin.nin_32, 2013, (3, 32, 32), classes=10),
    "caffe-alexnet": Entry(alexnet.caffe_alexnet, 2014, (3, 227, 227)),
    "caffenet": Entry(alexnet.caffenet, 2014, (3, 227, 227)),
    "alexnet-owt": Entry(alexnet.alexnet_owt, 2014, (3, 224, 224)),
    "convnet-conv-local-11pct": Entry(convnet.convnet_conv_local_11pct, 2014, (3, 24, 24), classes=10),
    **{name: Entry(partial(vgg.vgg, plan=plan), 2014, (3, 224, 224)) for name, plan in vgg.PUBLISHED.items()},
    "googlenet": Entry(googlenet.GoogLeNet, 2014, (3, 224, 224), loss=googlenet.loss),
    "googlenet-torchvision": Entry(
        partial(googlenet.GoogLeNet, plan=googlenet.TORCHVISION), 2014, (3, 224, 224), loss=googlenet.loss
    ),
    "googlenet-64": Entry(
        partial(googlenet.GoogLeNet, plan=googlenet.SMALL_64),
        2014,
        (3, 64, 64),
        classes=200,
        loss=googlenet.loss,
    ),
    **{
        name: Entry(partial(vgg.vgg, plan=plan), 2015, (3, 224, 224)) for name, plan in vgg.BATCH_NORM.items()
    },
    "vgg-32": Entry(partial(vgg.vgg, plan=vgg.SMALL["vgg-32"]), 2015, (3, 32, 32), classes=10),
    "vgg-64": Entry(partial(vgg.vgg, plan=vgg.SMALL["vgg-64"]), 2015, (3, 64, 64), classes=200),
    "bn-inception": Entry(bn_inception.bn_inception, 2015, (3, 224, 224)),
    "bn-inception-64": Entry(bn_inception.bn_inception_64, 2015, (3, 64, 64), classes=200),
    "inception-v3": Entry(inception_v3.InceptionV3, 2015, (3, 299, 299), loss=inception_v3.loss),
    "inception-v3-64": Entry(
        inception_v3.inception_v3_64, 2015, (3, 64, 64), classes=200, loss=inception_v3.loss
    ),
    **{
        name: Entry(partial(resnet.resnet, plan=plan), 2015, (3, 224, 224))
        for name, plan in resnet_plans.V1.items()
    },
    **{
        name: Entry(partial(resnet.resnet, plan=plan), 2015, (3, 224, 224))
        for name, plan in resnet_plans.PLAIN.items()
    },
    **{
        name: Entry(partial(resnet.resnet, plan=plan), 2015, (3, 32, 32), classes=10)
        for name, plan in (resnet_plans.CIFAR | resnet_plans.CIFAR_PLAIN).items()
    },
    "inception-v4": Entry(inception_v4.inception_v4, 2016, (3, 299, 299)),
    "inception-v4-64": Entry(inception_v4.inception_v4_64, 2016, (3, 64, 64), classes=200),
    "inception-resnet-v2": Entry(inception_resnet_v2.inception_resnet_v2, 2016, (3, 299, 299)),
    "inception-resnet-v2-64": Entry(
        inception_resnet_v2.inception_resnet_v2_64, 2016, (3, 64, 64), classes=200
    ),
    **{
        name: Entry(partial(resnet.resnet, plan=plan), 2016, (3, 224, 224))
        for name, plan in resnet_plans.V15.items()
    },
    **{
        name: Entry(partial(resnet.resnet, plan=plan), 2016, (3, 224, 224))
        for name, plan in resnet_plans.V2.items()
    },
    **{
        name: Entry(partial(resnet.resnet, plan=plan), 2016, (3, 32, 32), classes=10)
        for name, plan in resnet_plans.CIFAR_V2.items()
    },
    "alexnet-d2l": Entry(alexnet.alexnet_d2l, 2019, (1, 224, 224), classes=10),
    "nin-d2l": Entry(nin.nin_d2l, 2019, (1, 224, 224), classes=10),
    **{
        name: Entry(partial(airbench.airbench, plan=plan), 2024, (3, 32, 32), classes=10)
        for name, plan in airbench.PLANS.items()
    },
    "airbench-64": Entry(partial(airbench.airbench, plan=airbench.SMALL_64), 2024, (3, 64, 64), classes=200),
}


def entry(name: str) -> Entry:
    """The network of this name; a UsageProblem says which there are."""
    if name in NETWORKS:
        return NETWORKS[name]
    close = difflib.get_close_matches(name, NETWORKS, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise UsageProblem(f"no network named {name!r}; {hint}there are {', '.join(NETWORKS)}")


def create(name: str, *, classes: int, channels: int = 3, seed: int = 0, **options: Any) -> nn.Module:
    """Build a network by name, its weights drawn from `seed` alone (the global generator stays as it was)."""
    build = entry(name).build
    try:
        inspect.signature(build).bind(classes=classes, channels=channels, **options)
    except TypeError as error:
        raise UsageProblem(f"network {name}: {error}; it takes {inspect.signature(build)}") from None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(classes=classes, channels=channels, **options)


def last_layers(network: nn.Module) -> list[str]:
    """Names of the layers that give logits: those of the side heads, then the network's own."""
    sides = [name for name, _ in network.named_children() if name.startswith("side")]
    names = [name.rpartition(".")[0] for name, _ in network.named_parameters()]
    return [[name for name in names if name.startswith(f"{side}.")][-1] for side in sides] + [names[-1]]
