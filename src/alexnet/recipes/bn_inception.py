"""BN-Inception by its paper's "BN-x30": thirty times GoogLeNet's rate there, and no dropout.

Expected: 25.2 % top-1 and 7.8 % top-5 error on ILSVRC-2012's validation set, one view, after 6 million steps.
Cost: 6 million steps of 32 pictures, as many as 150 epochs; 1.2e18 multiply-adds.
Source: Ioffe, Szegedy, "Batch Normalization" (2015), §4.2: rate 0.045, batches of 32, momentum; the rate
falls six times and the decay is a fifth of GoogLeNet's. It prints neither for GoogLeNet; ours come from
`googlenet` here: 4 % every 4/3 epochs, 0.00004. Momentum 0.9, where it gives no figure.
Left out: photometric distortions (Howard 2013), which it reduces.
Run: alexnet train bn-inception --data packed/ilsvrc2012 --out runs/bn-inception
"""

from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="bn-inception",
    network="bn-inception",
    crop=224,
    flip=True,
    area=(0.08, 1.0),
    mean="channel",
    divide_by="deviation",
    epochs=150,
    batch=32,
    learning_rate=Steps(start=0.045, drops=tuple(4 / 3 * fall for fall in range(1, 113)), factor=0.96),
    momentum=0.9,
    weight_decay=0.00004,
)
