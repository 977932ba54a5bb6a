"""A small network for an answer in minutes: CIFAR-10 on a processor.

Expected: on CIFAR-10 12.6 % test error in five minutes (results/race.csv: three seeds, 12.3 to 12.7, six to
seven epochs), 13.7 % in five epochs (one seed); two views, re-encoded pictures.
Cost: 3.0e13 multiply-adds.
Source: Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024): network, whitened first layer,
mirrored every other epoch, shifts by 2 pixels, smoothing of 0.2, lookahead, the rates of weights and
biases. Its network with fewer maps, for processors: ours.
Run: alexnet train airbench-s --data packed/cifar10 --out runs/airbench-s --time 5m
"""

from alexnet.ingredients import Average, Rule
from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="airbench-s",
    network="airbench-s",
    crop=32,
    pad=2,
    pad_with="reflection",
    flip="alternate",
    mean="channel",
    divide_by="deviation",
    epochs=5,
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
