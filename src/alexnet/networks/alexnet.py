"""Every AlexNet by name: the paper's, the 2012 code's and its variants, Caffe's, torchvision's, the book's.

Each is a table, one layer a line, with its output for 224 pixels at the line's end. Images [N, C, H, W], mean
subtracted, on the scale 0..255, give logits [N, classes]; `alexnet_owt` wants torchvision's normalisation.
The children have the paper's names, and `network[:n]` runs any prefix. Options: `alexnet_options.Options`.

Sources: [P] the 2012 paper; [C] its code, net numbers as in `layers/layers-145.cfg`; [B] Caffe's
`models/bvlc_alexnet` and `bvlc_reference_caffenet`; [D] the book "Dive into Deep Learning"; [T] torchvision's
`models/alexnet.py`, the one-column network of Krizhevsky 2014, "One weird trick for parallelizing ...".
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from alexnet.networks.alexnet_options import Layers, Options, build, choose
from alexnet.networks.layers import CeilPad, ResponseNorm, SameMapNorm, dense
from alexnet.networks.picture_convolution import PictureConv2d
from alexnet.problem import Problem


def alexnet(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """AlexNet as the paper's text has it: ReLU, then norm, then pool; norms over all maps; deviations .01.

    Where the text is silent: 224 pixels give 55 by the code's ceil, three zeros right and below. Any of
    `Options` may be given by keyword.
    """
    chosen = choose(options)
    return build(_paper(classes, channels, chosen), chosen)


def _paper(classes: int, channels: int, o: Options) -> Layers:
    into, own, less = o.inputs(channels), o.columns, o.less
    norm = partial(ResponseNorm.printed, 5, alpha=1e-4, beta=0.75, k=2)
    return Layers(
        edge=CeilPad(o.window, o.stride),                                             # [N,   3, 227, 227]
        conv1=PictureConv2d(into["conv1"], o.maps[0], o.window, stride=o.stride),     # [N,  96,  55,  55]
        relu1=o.neuron(),
        norm1=norm(),
        pool1=o.pool(),                                                               # [N,  96,  27,  27]
        conv2=nn.Conv2d(into["conv2"], o.maps[1], 5, padding=2 - less, groups=own),   # [N, 256,  27,  27]
        relu2=o.neuron(),
        norm2=norm(),
        pool2=o.pool(),                                                               # [N, 256,  13,  13]
        conv3=nn.Conv2d(into["conv3"], o.maps[2], 3, padding=1, groups=o.linked),     # [N, 384,  13,  13]
        relu3=o.neuron(),
        conv4=nn.Conv2d(into["conv4"], o.maps[3], 3, padding=1, groups=own),          # [N, 384,  13,  13]
        relu4=o.neuron(),
        conv5=nn.Conv2d(into["conv5"], o.maps[4], 3, padding=1 - less, groups=own),   # [N, 256,  13,  13]
        relu5=o.neuron(),
        pool5=o.pool(),                                                               # [N, 256,   6,   6]
        conv6=nn.Conv2d(into["conv6"], into["conv6"], 3, padding=1),                  # only with conv6=True
        relu_conv6=o.neuron(),
        flatten=nn.Flatten(),                                                         # [N, 9216]
        fc6=o.linear(into["fc6"], o.dense[0]),                                        # [N, 4096]
        relu6=o.neuron(),
        drop6=o.drop(),
        fc7=o.linear(into["fc7"], o.dense[1]),                                        # [N, 4096]
        relu7=o.neuron(),
        drop7=o.drop(),
        fc8=dense(into["fc8"], classes),                                              # [N, classes]
    )  # fmt: skip


def alexnet_2012(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """AlexNet as the 2012 code trained it, net 145, whose logged errors are the paper's tables.

    Unlike the paper's text: conv1 is normed before its ReLU, which comes after the pool; norms stay inside a
    column and divide alpha by the window; a norm within each map follows the second; conv3 to conv5 start
    with deviation .03; conv5 is pooled before its ReLU, which changes nothing.
    """
    chosen = choose({"deviations": (0.01, 0.01, 0.03, 0.03, 0.03, 0.01, 0.01, 0.01)} | options)
    return build(_code(classes, channels, chosen), chosen)


def _code(classes: int, channels: int, o: Options) -> Layers:
    into, own, less = o.inputs(channels), o.columns, o.less
    norm = partial(ResponseNorm, 5, alpha=1e-4, beta=0.75, k=2, columns=own)
    return Layers(
        edge=CeilPad(o.window, o.stride),                                             # [N,   3, 227, 227]
        conv1=PictureConv2d(into["conv1"], o.maps[0], o.window, stride=o.stride),     # [N,  96,  55,  55]
        norm1=norm(),
        pool1=o.pool(),                                                               # [N,  96,  27,  27]
        relu1=o.neuron(),
        conv2=nn.Conv2d(into["conv2"], o.maps[1], 5, padding=2 - less, groups=own),   # [N, 256,  27,  27]
        relu2=o.neuron(),
        norm2=norm(),
        cnorm2=SameMapNorm(5, alpha=1e-3, beta=0.75, k=1),
        pool2=o.pool(),                                                               # [N, 256,  13,  13]
        conv3=nn.Conv2d(into["conv3"], o.maps[2], 3, padding=1, groups=o.linked),     # [N, 384,  13,  13]
        relu3=o.neuron(),
        conv4=nn.Conv2d(into["conv4"], o.maps[3], 3, padding=1, groups=own),          # [N, 384,  13,  13]
        relu4=o.neuron(),
        conv5=nn.Conv2d(into["conv5"], o.maps[4], 3, padding=1 - less, groups=own),   # [N, 256,  13,  13]
        pool5=o.pool(),                                                               # [N, 256,   6,   6]
        relu5=o.neuron(),
        conv6=nn.Conv2d(into["conv6"], into["conv6"], 3, padding=1),                  # only with conv6=True
        relu_conv6=o.neuron(),
        flatten=nn.Flatten(),                                                         # [N, 9216]
        fc6=o.linear(into["fc6"], o.dense[0]),                                        # [N, 4096]
        relu6=o.neuron(),
        drop6=o.drop(),
        fc7=o.linear(into["fc7"], o.dense[1]),                                        # [N, 4096]
        relu7=o.neuron(),
        drop7=o.drop(),
        fc8=dense(into["fc8"], classes),                                              # [N, classes]
    )  # fmt: skip


def alexnet_2012_half(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """Half the kernels, but conv5 and the dense layers whole: the "one-GPU net" of [P] §3.2 (145-half)."""
    return alexnet_2012(classes, channels, **{"maps": (48, 128, 192, 192, 256), "columns": 1} | options)


def alexnet_2012_pool2(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """Pools 2/2 instead of 3/2: what [P] §3.4 compares overlapping pooling with ([C] net 147)."""
    return alexnet_2012(classes, channels, **{"overlapping": False} | options)


def alexnet_2012_nonorm(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """No norm at all: what [P] §3.3 compares response norm with ([C] net 148)."""
    return alexnet_2012(classes, channels, **{"norm": False} | options)


def alexnet_2012_nolinks(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """Two columns that meet only in fc8, widened to as many parameters ([C] net 150; not in the paper)."""
    wide = {"maps": (96, 320, 384, 384, 256), "dense": (8192, 4096), "links": False}
    return alexnet_2012(classes, channels, **wide | options)


def alexnet_2012_conv6(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """A sixth convolution over pool5: the net pre-trained on all of ImageNet, [P] §6 "1 CNN*" ([C] 146)."""
    return alexnet_2012(classes, channels, **{"conv6": True} | options)


SMALL_64 = {"image": 56, "window": 5, "stride": 2, "maps": (48, 128, 192, 192, 128), "dense": (2048, 2048)}
SMALL_32 = {"image": 28, "window": 5, "stride": 1, "maps": (32, 96, 128, 128, 96), "dense": (1024, 1024)}


def alexnet_64(classes: int = 200, channels: int = 3, **options: Any) -> nn.Sequential:
    """The paper's network for pictures of 64 pixels, crops of 56 (as 224 of 256).

    What changes: conv1 is 5×5 by 2 (27 maps a side, pools to 13, 6 and 3), all widths are half, and initial
    deviations are widened by √(the paper's inputs of a unit / these) so that its sums spread as far.
    """
    return alexnet(classes, channels, **SMALL_64 | {"keep_spread": True} | options)


def alexnet_2012_64(classes: int = 200, channels: int = 3, **options: Any) -> nn.Sequential:
    """The 2012 code's network for pictures of 64 pixels, changed as `alexnet_64`."""
    return alexnet_2012(classes, channels, **SMALL_64 | {"keep_spread": True} | options)


def alexnet_32(classes: int = 10, channels: int = 3, **options: Any) -> nn.Sequential:
    """The paper's network for pictures of 32 pixels, crops of 28 (as 224 of 256).

    What changes: conv1 is 5×5 by 1 (24 a side, pools to 12, 6 and 3), widths are a third and a quarter, and
    initial deviations are widened as in `alexnet_64`.
    """
    return alexnet(classes, channels, **SMALL_32 | {"keep_spread": True} | options)


def alexnet_2012_32(classes: int = 10, channels: int = 3, **options: Any) -> nn.Sequential:
    """The 2012 code's network for pictures of 32 pixels, changed as `alexnet_32`."""
    return alexnet_2012(classes, channels, **SMALL_32 | {"keep_spread": True} | options)


CAFFE = {"image": 227, "deviations": (0.01,) * 5 + (0.005, 0.005, 0.01)}  # [B]: fc6 and fc7 start at .005


def caffe_alexnet(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """Caffe's `bvlc_alexnet`: the paper's layers on 227 pixels, norms with k = 1, biases .1 instead of 1."""
    chosen = choose(CAFFE | {"bias": 0.1} | options)
    return build(_caffe(classes, channels, chosen), chosen)


def caffenet(classes: int = 1000, channels: int = 3, **options: Any) -> nn.Sequential:
    """Caffe's `bvlc_reference_caffenet`: as `caffe_alexnet`, but pools come before norms; biases are 1."""
    chosen = choose(CAFFE | options)
    layers = _caffe(classes, channels, chosen)
    order = " ".join(layers).replace("norm1 pool1", "pool1 norm1").replace("norm2 pool2", "pool2 norm2")
    return build(Layers((name, layers[name]) for name in order.split()), chosen)


def _caffe(classes: int, channels: int, o: Options) -> Layers:
    layers = _paper(classes, channels, o)
    layers.update(
        norm1=ResponseNorm(5, alpha=1e-4, beta=0.75, k=1),
        norm2=ResponseNorm(5, alpha=1e-4, beta=0.75, k=1),
        drop6=nn.Dropout(o.dropout if o.mask else 0.0),
        drop7=nn.Dropout(o.dropout if o.mask else 0.0),
    )
    return layers


def alexnet_d2l(classes: int = 10, channels: int = 1, *, dropout: float = 0.5) -> nn.Sequential:
    """The AlexNet of [D]: one column, no norm, a zero on every side, floor-counted windows (54, 26, 12, 5).

    So fc6 takes 6400 features. Weights start as Glorot's uniform, biases at 0; dropout is torch's.
    """
    chosen = Options(columns=1, norm=False, bias=0.0)
    layers = _paper(classes, channels, chosen)
    layers.update({f"pool{number}": nn.MaxPool2d(3, stride=2) for number in (1, 2, 5)})
    layers.update(edge=nn.ZeroPad2d(1), fc6=nn.Linear(6400, 4096))
    layers.update(drop6=nn.Dropout(dropout), drop7=nn.Dropout(dropout))
    network = build(layers, chosen)
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            nn.init.xavier_uniform_(parameter)
    return network


def alexnet_owt(classes: int = 1000, channels: int = 3, *, dropout: float = 0.5) -> nn.Sequential:
    """torchvision's `alexnet`, the network of 2014: one column, no norm, other widths, floor-counted windows.

    Dropout comes before the dense layers; it and the initial weights are torch's. `from_torchvision` fits the
    published weights to it.
    """
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(channels, 64, 11, stride=4, padding=2),  # [N,  64,  55,  55]
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(3, stride=2),                         # [N,  64,  27,  27]
        conv2=nn.Conv2d(64, 192, 5, padding=2),                  # [N, 192,  27,  27]
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(3, stride=2),                         # [N, 192,  13,  13]
        conv3=nn.Conv2d(192, 384, 3, padding=1),                 # [N, 384,  13,  13]
        relu3=nn.ReLU(),
        conv4=nn.Conv2d(384, 256, 3, padding=1),                 # [N, 256,  13,  13]
        relu4=nn.ReLU(),
        conv5=nn.Conv2d(256, 256, 3, padding=1),                 # [N, 256,  13,  13]
        relu5=nn.ReLU(),
        pool5=nn.MaxPool2d(3, stride=2),                         # [N, 256,   6,   6]
        average=nn.AdaptiveAvgPool2d(6),                         # [N, 256,   6,   6] from other images too
        flatten=nn.Flatten(),                                    # [N, 9216]
        drop6=nn.Dropout(dropout),
        fc6=nn.Linear(9216, 4096),                               # [N, 4096]
        relu6=nn.ReLU(),
        drop7=nn.Dropout(dropout),
        fc7=nn.Linear(4096, 4096),                               # [N, 4096]
        relu7=nn.ReLU(),
        fc8=nn.Linear(4096, classes),                            # [N, classes]
    ))  # fmt: skip


TORCHVISION = {
    "features.0": "conv1", "features.3": "conv2", "features.6": "conv3", "features.8": "conv4",
    "features.10": "conv5", "classifier.1": "fc6", "classifier.4": "fc7", "classifier.6": "fc8",
}  # fmt: skip


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of torchvision's `alexnet` under the names of `alexnet_owt`."""
    kinds = ("weight", "bias")
    names = {f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in TORCHVISION.items() for kind in kinds}
    if odd := sorted(names.keys() ^ state.keys()):
        raise Problem(f"not the weights of torchvision's alexnet: missing or unknown {', '.join(odd)}")
    return {names[key]: tensor for key, tensor in state.items()}


def to_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the keys of `alexnet_owt` for torchvision; the inverse of `from_torchvision`."""
    theirs = {name: layer for layer, name in TORCHVISION.items()}
    split = {key: key.rpartition(".") for key in state}
    return {f"{theirs[layer]}.{part}": state[key] for key, (layer, _, part) in split.items()}
