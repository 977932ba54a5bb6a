"""LeNet on colour pictures of 32 pixels: what 1998 reaches on CIFAR-10.

Expected: 31.4 % test error on re-encoded pictures (results/errors.csv).
Cost: under ten minutes on one core.
Source: LeNet-5 in its modern form (networks/lenet.py) on crops of 28; schedule and decay are ours.
Run: alexnet train lenet-32 --data packed/cifar10 --out runs/lenet-32
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="lenet-32",
    network="lenet",
    crop=28,
    flip=True,
    mean="channel",
    divide_by="deviation",
    epochs=15,
    batch=64,
    optimizer="sgd",
    learning_rate=OneCycle(peak=0.05),
    momentum=0.9,
    weight_decay=0.0005,
)
