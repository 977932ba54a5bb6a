"""The paper's AlexNet sized for 64 pixels: small data sets such as Tiny ImageNet, minutes instead of days.

Expected: 78 % top-1 error on 50 classes of Tiny ImageNet, so early in a training (results/errors.csv).
Cost: a minute or two an epoch of 25,000 pictures on two cores.
Source: [P] §3 to §5 with crops of 56 from 64 (as 224 of 256) and the drops drawn near;
batches of 64, so that a few epochs hold steps enough.
Run: alexnet train alexnet-64 --data packed/tiny50 --out runs/alexnet-64
"""

from alexnet.ingredients import ColourNoise
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="alexnet-64",
    network="alexnet-64",
    crop=56,
    flip=True,
    colour_noise=ColourNoise(form="paper"),
    epochs=5,
    batch=64,
    learning_rate=Steps(start=0.01, drops=(4, 4.7)),
    momentum=0.9,
    weight_decay=0.0005,
)
