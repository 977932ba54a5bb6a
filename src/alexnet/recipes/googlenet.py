"""GoogLeNet by its paper, and where that is silent by the replication that its first author helped with.

Expected: 10.07 % top-5 error on ILSVRC-2012's validation set, one network and one view ([S] table 3). [B]
without crops of random area, in 60 epochs of another schedule: 31.3 % top-1 and 11.1 % top-5.
Cost: "a few high-end GPUs within a week" ([S] §6); 1.5e18 multiply-adds, side heads not counted.
Source: [S] Szegedy et al., "Going Deeper with Convolutions" (2014), §6: momentum 0.9, the rate falls by 4 %
every 8 epochs; crops of 8 to 100 % of the area, 3/4 to 4/3 in shape. [B] models/bvlc_googlenet of GitHub
BVLC/caffe, solver.prototxt: batches of 32, rate 0.01, decay 0.0002, biases at twice the rate without decay,
250 epochs.
Left out: photometric distortions (Howard 2013), random ways of resizing, the average of weights over time.
Run: alexnet train googlenet --data packed/ilsvrc2012 --out runs/googlenet
"""

from alexnet.ingredients import Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="googlenet",
    network="googlenet",
    crop=224,
    flip=True,
    area=(0.08, 1.0),
    mean="channel",
    epochs=250,
    batch=32,
    learning_rate=Steps(start=0.01, drops=tuple(range(8, 250, 8)), factor=0.96),
    momentum=0.9,
    weight_decay=0.0002,
    rules=(Rule(match="*.bias", times=2.0, weight_decay=0.0),),
)
