"""A small VGG with batch norm on CIFAR-10: blocks of 3×3 convolutions, then dense layers.

Expected: 22.5 % test error on re-encoded pictures (results/errors.csv).
Cost: some fifteen minutes of one core.
Source: Simonyan and Zisserman, "Very Deep Convolutional Networks" (2014), for the shape of the network
(networks/vgg.py, `SMALL`); widths and schedule are ours.
Run: alexnet train vgg-32 --data packed/cifar10 --out runs/vgg-32
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="vgg-32",
    network="vgg-32",
    crop=32,
    pad=4,
    flip=True,
    mean="channel",
    divide_by="deviation",
    epochs=5,
    batch=128,
    optimizer="sgd",
    learning_rate=OneCycle(peak=0.1),
    momentum=0.9,
    weight_decay=0.0005,
)
