"""Inception v3 by its paper: RMSProp, clipped gradients, softened labels.

Expected: 21.2 % top-1 and 5.6 % top-5 error on ILSVRC-2012's validation set, one view ([Z] table 3).
Cost: 100 epochs on 50 Kepler GPUs; 2.2e18 multiply-adds, side head not counted.
Source: [Z] Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for Computer
Vision" (2015), §7 and §8: decay 0.9 and ε 1 of RMSProp, 0.045 times 0.94 every two epochs, gradients of 2 at
most, labels softened by 0.1, 50 replicas with batches of 32. Decay 0.00004, of which it says nothing:
Google's code of 2016 (GitHub tensorflow/models, slim). Crops as in GoogLeNet's paper.
Differs: the paper does not say how the replicas' steps were joined; here one step sees all 1,600
pictures.
Left out: photometric distortions (Howard 2013), the average of weights over time, with which it is tested.
Run: alexnet prepare ILSVRC packed/ilsvrc2012-342 --size 342 &&
alexnet train inception-v3 --data packed/ilsvrc2012-342 --out runs/inception-v3
"""

from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="inception-v3",
    network="inception-v3",
    crop=299,
    flip=True,
    area=(0.08, 1.0),
    mean="channel",
    divide_by="deviation",
    epochs=100,
    batch=1600,
    optimizer="rmsprop",
    learning_rate=Steps(start=0.045, drops=tuple(range(2, 100, 2)), factor=0.94),
    momentum=0.9,
    rms_decay=0.9,
    rms_epsilon=1.0,
    clip=2.0,
    weight_decay=0.00004,
    label_smoothing=0.1,
)
