"""A small network in network with batch norm on CIFAR-10.

Expected: 29.8 % test error on re-encoded pictures (results/errors.csv); the paper's whole network and
training give 8.81 % on the original ones.
Cost: some ten minutes of one core.
Source: Lin, Chen, Yan, "Network In Network" (2013), for the shape of the network (networks/nin.py, `nin_32`);
batch norm, widths and schedule are ours.
Run: alexnet train nin-32 --data packed/cifar10 --out runs/nin-32
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="nin-32",
    network="nin-32",
    crop=32,
    pad=4,
    flip=True,
    mean="channel",
    divide_by="deviation",
    epochs=4,
    batch=128,
    optimizer="sgd",
    learning_rate=OneCycle(peak=0.1),
    momentum=0.9,
    weight_decay=0.0005,
)
