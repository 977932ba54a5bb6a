"""A quarter-wide Inception v3, without its side head, for 64 pixels.

Expected: 75.0 % top-1 error on 50 classes of Tiny ImageNet, so early (results/errors.csv).
Cost: twelve minutes of one core for 25,000 pictures.
Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2015), for the shape of
the network (networks/inception_v3.py, `inception_v3_64`); widths and schedule are ours.
Run: alexnet train inception-v3-64 --data packed/tiny50 --out runs/inception-v3-64
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="inception-v3-64",
    network="inception-v3-64",
    options={"dropout": 0.2},  # as Google's code trains; half of so few maps is too much
    crop=64,
    pad=4,
    flip=True,
    mean="channel",
    divide_by="deviation",
    epochs=3,
    batch=64,
    optimizer="sgd",
    learning_rate=OneCycle(peak=0.04, rise=0.25),
    momentum=0.9,
    weight_decay=0.0001,
)
