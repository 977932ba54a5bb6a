"""A quarter-wide GoogLeNet with batch norm and its two side heads, for 64 pixels.

Expected: 65.9 % top-1 error on 50 classes of Tiny ImageNet, so early (results/errors.csv).
Cost: some ten minutes of one core for 25,000 pictures.
Source: Szegedy et al., "Going Deeper with Convolutions" (2014), for the shape of the network
(networks/googlenet.py, `SMALL_64`); batch norm, widths and schedule are ours.
Run: alexnet train googlenet-64 --data packed/tiny50 --out runs/googlenet-64
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="googlenet-64",
    network="googlenet-64",
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
