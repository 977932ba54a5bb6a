"""The CIFAR ResNet of 20 layers in ten epochs instead of the paper's 164.

Expected: 16.4 % test error on re-encoded pictures (results/errors.csv); the paper's whole training gives
8.75 % on the original ones.
Cost: some forty minutes of one core.
Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015), §4.2: network, padding
by 4, batches of 128; the one-cycle schedule and the stronger decay are ours, for a training this short.
Run: alexnet train resnet20-short --data packed/cifar10 --out runs/resnet20
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="resnet20-short",
    network="resnet20",
    crop=32,
    pad=4,
    flip=True,
    mean="channel",
    divide_by="deviation",
    epochs=10,
    batch=128,
    optimizer="sgd",
    learning_rate=OneCycle(peak=0.2),
    momentum=0.9,
    weight_decay=0.0005,
)
