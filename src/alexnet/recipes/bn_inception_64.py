"""A quarter-wide BN-Inception for 64 pixels.

Expected: 65.1 % top-1 error on 50 classes of Tiny ImageNet, so early (results/errors.csv).
Cost: some ten minutes of one core for 25,000 pictures.
Source: Ioffe and Szegedy, "Batch Normalization" (2015), for the shape of the network
(networks/bn_inception.py); widths and schedule are ours.
Run: alexnet train bn-inception-64 --data packed/tiny50 --out runs/bn-inception-64
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="bn-inception-64",
    network="bn-inception-64",
    crop=64,
    pad=4,
    flip=True,
    mean="channel",
    divide_by="deviation",
    epochs=3,
    batch=64,
    optimizer="sgd",
    learning_rate=OneCycle(peak=0.1),
    momentum=0.9,
    weight_decay=0.0005,
)
