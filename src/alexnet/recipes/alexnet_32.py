"""The paper's AlexNet sized for 32 pixels: CIFAR-10 in minutes, and what `alexnet ablate` takes apart.

Expected: see docs/ablations.md for a shorter training on 10,000 pictures.
Cost: about a minute an epoch of 50,000 pictures on two cores.
Source: [P] §3 to §5 with crops of 28 from 32 (as 224 of 256) and the drops drawn near.
Run: alexnet train alexnet-32 --data packed/cifar10 --out runs/alexnet-32
"""

from alexnet.ingredients import ColourNoise
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="alexnet-32",
    network="alexnet-32",
    crop=28,
    flip=True,
    colour_noise=ColourNoise(form="paper"),
    epochs=6,
    batch=128,
    learning_rate=Steps(start=0.01, drops=(4, 5)),
    momentum=0.9,
    weight_decay=0.0005,
)
