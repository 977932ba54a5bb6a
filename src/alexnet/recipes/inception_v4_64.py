"""A quarter-wide Inception-v4 of four blocks for 64 pixels.

Expected: 71.1 % top-1 error on 50 classes of Tiny ImageNet, so early (results/errors.csv).
Cost: nine minutes of one core for 25,000 pictures.
Source: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning"
(2016), for the shape of the network (networks/inception_v4.py, `inception_v4_64`);
widths, numbers of blocks and schedule are ours.
Run: alexnet train inception-v4-64 --data packed/tiny50 --out runs/inception-v4-64
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="inception-v4-64",
    network="inception-v4-64",
    crop=64,
    pad=4,
    flip=True,
    mean="channel",
    divide_by="deviation",
    epochs=2,
    batch=64,
    optimizer="sgd",
    learning_rate=OneCycle(peak=0.04, rise=0.25),
    momentum=0.9,
    weight_decay=0.0001,
)
