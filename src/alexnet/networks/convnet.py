"""cuda-convnet's networks for CIFAR-10, each named by the error it reached there.

One layer a line, its output at the line's end. Images [N, C, H, W], mean subtracted, on the scale 0..255,
give logits [N, classes]. Pools count windows with ceil; an average is over the part of its window inside.
Weights start normal with the deviations given below the table, biases at 0. Options of all: `image`, pixels
a side, and `activation`, relu, tanh or sigmoid (the paper's figure 1); where there is a norm, `norm` too.

Sources: [K] cuda-convnet, `example-layers/layers-*.cfg` and `layer-params-*.cfg`; [K2] cuda-convnet2,
`layers-cifar10-11pct.cfg`.
"""

from collections import OrderedDict
from functools import partial

from torch import nn

from alexnet.networks.layers import LocallyConnected2d, ResponseNorm, SameMapNorm, ceil_windows
from alexnet.problem import UsageProblem

Layers = OrderedDict[str, nn.Module]
NEURONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}

max_pool = partial(nn.MaxPool2d, 3, stride=2, ceil_mode=True)
average_pool = partial(nn.AvgPool2d, 3, stride=2, ceil_mode=True, count_include_pad=False)


def convnet_80sec(
    classes: int = 10, channels: int = 3, *, image: int = 32, activation: str = "relu"
) -> nn.Sequential:
    """80sec: 26 % error in 80 seconds. Three convolutions and a hidden dense layer."""
    layers = Layers(
        conv1=nn.Conv2d(channels, 32, 5, padding=2),           # [N, 32, 32, 32]
        pool1=max_pool(),                                      # [N, 32, 16, 16]
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(32, 32, 5, padding=2),                 # [N, 32, 16, 16]
        relu2=nn.ReLU(),
        pool2=average_pool(),                                  # [N, 32,  8,  8]
        conv3=nn.Conv2d(32, 64, 5, padding=2),                 # [N, 64,  8,  8]
        relu3=nn.ReLU(),
        pool3=average_pool(),                                  # [N, 64,  4,  4]
        flatten=nn.Flatten(),                                  # [N, 1024]
        fc64=nn.Linear(64 * _pooled(image, 3) ** 2, 64),       # [N, 64]
        relu64=nn.ReLU(),
        fc10=nn.Linear(64, classes),                           # [N, classes]
    )  # fmt: skip
    return _network(layers, activation, conv1=1e-4, conv2=0.01, conv3=0.01, fc64=0.1, fc10=0.1)


def convnet_19pct(
    classes: int = 10, channels: int = 3, *, image: int = 32, activation: str = "relu"
) -> nn.Sequential:
    """19pct: 19 % error in 20 minutes, 14.2 % with translations. `convnet_18pct` without its norms."""
    return convnet_18pct(classes, channels, image=image, activation=activation, norm=False)


def convnet_18pct(
    classes: int = 10, channels: int = 3, *, image: int = 32, activation: str = "relu", norm: bool = True
) -> nn.Sequential:
    """18pct: 18 % error in 20 minutes. Three convolutions, norms within each map, one dense layer."""
    same_map = partial(SameMapNorm if norm else nn.Identity, 3, alpha=5e-5, beta=0.75)
    layers = Layers(
        conv1=nn.Conv2d(channels, 32, 5, padding=2),           # [N, 32, 32, 32]
        pool1=max_pool(),                                      # [N, 32, 16, 16]
        relu1=nn.ReLU(),
        norm1=same_map(),
        conv2=nn.Conv2d(32, 32, 5, padding=2),                 # [N, 32, 16, 16]
        relu2=nn.ReLU(),
        pool2=average_pool(),                                  # [N, 32,  8,  8]
        norm2=same_map(),
        conv3=nn.Conv2d(32, 64, 5, padding=2),                 # [N, 64,  8,  8]
        relu3=nn.ReLU(),
        pool3=average_pool(),                                  # [N, 64,  4,  4]
        flatten=nn.Flatten(),                                  # [N, 1024]
        fc10=nn.Linear(64 * _pooled(image, 3) ** 2, classes),  # [N, classes]
    )  # fmt: skip
    return _network(layers, activation, conv1=1e-4, conv2=0.01, conv3=0.01, fc10=0.01)


def convnet_conv_local_13pct(
    classes: int = 10, channels: int = 3, *, image: int = 24, activation: str = "relu"
) -> nn.Sequential:
    """conv-local-13pct: 13 % error in 25 minutes, on crops of 24. Two convolutions and two unshared ones."""
    side = _pooled(image, 2)
    layers = Layers(
        conv1=nn.Conv2d(channels, 64, 5, padding=2),                          # [N, 64, 24, 24]
        relu1=nn.ReLU(),
        pool1=max_pool(),                                                     # [N, 64, 12, 12]
        conv2=nn.Conv2d(64, 64, 5, padding=2),                                # [N, 64, 12, 12]
        relu2=nn.ReLU(),
        pool2=max_pool(),                                                     # [N, 64,  6,  6]
        local3=LocallyConnected2d(64, 32, kernel=3, image=side, padding=1),   # [N, 32,  6,  6]
        relu3=nn.ReLU(),
        local4=LocallyConnected2d(32, 32, kernel=3, image=side, padding=1),   # [N, 32,  6,  6]
        relu4=nn.ReLU(),
        flatten=nn.Flatten(),                                                 # [N, 1152]
        fc10=nn.Linear(32 * side**2, classes),                                # [N, classes]
    )  # fmt: skip
    return _network(layers, activation, conv1=1e-4, conv2=0.01, local3=0.04, local4=0.04, fc10=0.01)


def convnet_conv_local_11pct(
    classes: int = 10, channels: int = 3, *, image: int = 24, activation: str = "relu", norm: bool = True
) -> nn.Sequential:
    """conv-local-11pct in its last form [K2]: 11 % error in 75 minutes; norms across maps, wider local3."""
    side = _pooled(image, 2)
    across = partial(ResponseNorm if norm else nn.Identity, 9, alpha=1e-3, beta=0.75, k=1)
    layers = Layers(
        conv1=nn.Conv2d(channels, 64, 5, padding=2),                          # [N, 64, 24, 24]
        relu1=nn.ReLU(),
        pool1=max_pool(),                                                     # [N, 64, 12, 12]
        norm1=across(),
        conv2=nn.Conv2d(64, 64, 5, padding=2),                                # [N, 64, 12, 12]
        relu2=nn.ReLU(),
        norm2=across(),
        pool2=max_pool(),                                                     # [N, 64,  6,  6]
        local3=LocallyConnected2d(64, 64, kernel=3, image=side, padding=1),   # [N, 64,  6,  6]
        relu3=nn.ReLU(),
        local4=LocallyConnected2d(64, 32, kernel=3, image=side, padding=1),   # [N, 32,  6,  6]
        relu4=nn.ReLU(),
        flatten=nn.Flatten(),                                                 # [N, 1152]
        fc10=nn.Linear(32 * side**2, classes),                                # [N, classes]
    )  # fmt: skip
    return _network(layers, activation, conv1=1e-4, conv2=0.01, local3=0.04, local4=0.04, fc10=0.01)


def _pooled(image: int, times: int) -> int:
    side = image
    for _ in range(times):
        side = ceil_windows(side, 3, 2)
    if side < 1:
        raise UsageProblem(f"images of {image} pixels are too small: nothing is left after the last pool")
    return side


def _network(layers: Layers, activation: str, **deviations: float) -> nn.Sequential:
    """The table with the activation asked for and without norms that are switched off, its weights drawn."""
    if activation not in NEURONS:
        raise UsageProblem(f"activation {activation!r} is not one of {', '.join(NEURONS)}")
    network = nn.Sequential(Layers(
        (name.replace("relu", activation), NEURONS[activation]() if "relu" in name else layer)
        for name, layer in layers.items() if not isinstance(layer, nn.Identity)
    ))  # fmt: skip
    for name, deviation in deviations.items():
        nn.init.normal_(network.get_parameter(f"{name}.weight"), std=deviation)
        nn.init.zeros_(network.get_parameter(f"{name}.bias"))
    return network
