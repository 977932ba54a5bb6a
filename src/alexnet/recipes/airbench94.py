"""The network of 94 % on CIFAR-10 in seconds of a GPU.

Expected: [J] has 5.99 % on CIFAR-10 in 9.9 epochs with six views; here: docs/minutes.md.
Cost: 1.8e14 multiply-adds.
Source: Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024): network, whitened first layer,
mirrored every other epoch, shifts by 2 pixels, smoothing of 0.2, lookahead, the rates of weights and
biases. Batches of 500 where its are of 1,024.
Run: alexnet train airbench94 --data packed/cifar10 --out runs/airbench94 --time 15m
"""

from alexnet.ingredients import Average, Rule
from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="airbench94",
    network="airbench94",
    crop=32,
    pad=2,
    pad_with="reflection",
    flip="alternate",
    mean="channel",
    divide_by="deviation",
    epochs=10,
    batch=500,
    precision="auto",
    optimizer="sgd",
    nesterov=True,
    learning_rate=OneCycle(begin=0.13, peak=0.64, end=0.04, rise=0.23),
    momentum=0.85,
    weight_decay=0.0012,
    rules=(Rule(match="*norm*.bias", times=64, weight_decay=0.00002),),
    frozen=("*norm*.weight",),
    label_smoothing=0.2,
    whiten="conv1",
    average=Average(decay=0.77, every=5, rise=3, restart=True),
)
