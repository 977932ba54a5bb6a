"""Network in network: each convolution is followed by 1×1 ones, and the class maps are averaged, not dense.

[L] Lin, Chen, Yan, "Network In Network", arXiv 1312.4400 (2013). [A] its authors' files: NIN/cifar-10_def of
GitHub mavenlin/cuda-convnet, and nin_imagenet of Caffe's model zoo. [D] "Dive into Deep Learning".

Where we differ from the print:

| what | printed ([L]) | ours | reason |
| --- | --- | --- | --- |
| widths on CIFAR-10 | none given | 192-160-96, 192-192-192, 192-192-classes | [A] |
| the network for ImageNet | not mentioned | four blocks, the last 1024-1024-classes | [A] |
| last layer | its maps are averaged for the softmax | ReLU, then the average | [A], [D] |
| pools | max | max 3×3/2, windows counted with ceil (`nin_d2l` floor) | [A]; [D] |
| first weights | "manually set" | normal, 0.05; on ImageNet conv1, conv3 and the last 0.01 | [A] |
"""

from collections import OrderedDict
from collections.abc import Container, Sequence

from torch import nn

Layers = OrderedDict[str, nn.Module]


def nin(classes: int = 1000, channels: int = 3, *, dropout: float = 0.5) -> nn.Sequential:
    """Images [N, channels, 224, 224], or of any other size, -> logits [N, classes]; `nin_imagenet` of [A]."""
    network = nn.Sequential(OrderedDict(
        **mlpconv(1, channels, (96, 96, 96), 11, stride=4),             # [N,   96, 54, 54]
        pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),                # [N,   96, 27, 27]
        **mlpconv(2, 96, (256, 256, 256), 5, padding=2),                # [N,  256, 27, 27]
        pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),                # [N,  256, 13, 13]
        **mlpconv(3, 256, (384, 384, 384), 3, padding=1),               # [N,  384, 13, 13]
        pool3=nn.MaxPool2d(3, stride=2, ceil_mode=True),                # [N,  384,  6,  6]
        drop3=nn.Dropout(dropout),
        **mlpconv(4, 384, (1024, 1024, classes), 3, padding=1),         # [N, classes, 6, 6]
        pool4=nn.AdaptiveAvgPool2d(1),                                  # [N, classes, 1, 1]
        flat=nn.Flatten(),                                              # [N, classes]
    ))  # fmt: skip
    draw(network, narrow=("conv1", "conv3", "cccp8"))
    return network


def nin_d2l(classes: int = 10, channels: int = 1, *, dropout: float = 0.5) -> nn.Sequential:
    """Images [N, channels, 224, 224], or of any other size, -> logits [N, classes]; as [D] has it.

    It counts pools with floor, has `classes` maps all through the last block, and Glorot's first weights.
    """
    network = nn.Sequential(OrderedDict(
        **mlpconv(1, channels, (96, 96, 96), 11, stride=4),             # [N,  96, 54, 54]
        pool1=nn.MaxPool2d(3, stride=2),                                # [N,  96, 26, 26]
        **mlpconv(2, 96, (256, 256, 256), 5, padding=2),                # [N, 256, 26, 26]
        pool2=nn.MaxPool2d(3, stride=2),                                # [N, 256, 12, 12]
        **mlpconv(3, 256, (384, 384, 384), 3, padding=1),               # [N, 384, 12, 12]
        pool3=nn.MaxPool2d(3, stride=2),                                # [N, 384,  5,  5]
        drop3=nn.Dropout(dropout),
        **mlpconv(4, 384, (classes, classes, classes), 3, padding=1),   # [N, classes, 5, 5]
        pool4=nn.AdaptiveAvgPool2d(1),                                  # [N, classes, 1, 1]
        flat=nn.Flatten(),                                              # [N, classes]
    ))  # fmt: skip
    for name, weight in network.named_parameters():
        if name.endswith("weight"):
            nn.init.xavier_uniform_(weight)
        else:
            nn.init.zeros_(weight)
    return network


def nin_cifar(
    classes: int = 10, channels: int = 3, *, dropout: float = 0.5, width: float = 1.0, norm: bool = False
) -> nn.Sequential:
    """Images [N, channels, 32, 32], or of any other size, -> logits [N, classes]; the paper's for CIFAR-10.

    `width` multiplies all maps but the classes'. `norm` puts batch norm, younger than the paper, before every
    ReLU but the last.
    """
    c192, c160, c96 = (round(maps * width) for maps in (192, 160, 96))
    network = nn.Sequential(OrderedDict(
        **mlpconv(1, channels, (c192, c160, c96), 5, padding=2),        # [N,  96, 32, 32]
        pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),                # [N,  96, 16, 16]
        drop1=nn.Dropout(dropout),
        **mlpconv(2, c96, (c192, c192, c192), 5, padding=2),            # [N, 192, 16, 16]
        pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),                # [N, 192,  8,  8]
        drop2=nn.Dropout(dropout),
        **mlpconv(3, c192, (c192, c192, classes), 3, padding=1),        # [N, classes, 8, 8]
        pool3=nn.AdaptiveAvgPool2d(1),                                  # [N, classes, 1, 1]
        flat=nn.Flatten(),                                              # [N, classes]
    ))  # fmt: skip
    if norm:
        network = with_norms(network)
    draw(network)
    return network


def nin_32(classes: int = 10, channels: int = 3, *, dropout: float = 0.1) -> nn.Sequential:
    """`nin_cifar` a quarter as wide and with batch norm, which two processor cores can train."""
    return nin_cifar(classes, channels, dropout=dropout, width=0.25, norm=True)


def mlpconv(
    number: int, ins: int, outs: Sequence[int], kernel: int, *, stride: int = 1, padding: int = 0
) -> Layers:
    """A convolution and two 1×1 ("cascaded cross channel parametric pooling", [L] §3.1), ReLU after each."""
    first, second = f"cccp{2 * number - 1}", f"cccp{2 * number}"
    return Layers({
        f"conv{number}": nn.Conv2d(ins, outs[0], kernel, stride=stride, padding=padding),
        f"relu_conv{number}": nn.ReLU(),
        first: nn.Conv2d(outs[0], outs[1], 1),
        f"relu_{first}": nn.ReLU(),
        second: nn.Conv2d(outs[1], outs[2], 1),
        f"relu_{second}": nn.ReLU(),
    })  # fmt: skip


def with_norms(network: nn.Sequential) -> nn.Sequential:
    """The same layers with batch norm behind every convolution but the last, which then need no bias."""
    *_, last = [name for name, layer in network.named_children() if isinstance(layer, nn.Conv2d)]
    layers = Layers()
    for name, layer in network.named_children():
        layers[name] = layer
        if isinstance(layer, nn.Conv2d) and name != last:
            layer.bias = None
            layers[f"norm_{name}"] = nn.BatchNorm2d(layer.out_channels)
    return nn.Sequential(layers)


def draw(network: nn.Sequential, *, narrow: Container[str] = ()) -> None:
    """Normal first weights of deviation 0.05, in the `narrow` layers 0.01 ([A]); biases 0."""
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.01 if name in narrow else 0.05)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
