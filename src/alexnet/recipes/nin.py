"""Network in network on ILSVRC-2012, by the authors' solver in Caffe's model zoo.

Expected: 40.64 % top-1 error on ILSVRC-2012's validation set, one view.
Cost: four to five days on one GTX Titan; 9.3e16 multiply-adds.
Source: gist d802a5849de39225bcc6 of mavenlin: batches of 64, 0.01, ÷10 every 200,000 of 450,000 steps, decay
0.0005, biases at twice the rate without decay. An epoch is 20,018 steps, so 10, 20 and 22 epochs.
Run: alexnet train nin --data packed/ilsvrc2012 --out runs/nin
"""

from alexnet.ingredients import Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="nin",
    network="nin",
    crop=224,
    flip=True,
    epochs=22,
    batch=64,
    learning_rate=Steps(start=0.01, drops=(10, 20)),
    momentum=0.9,
    weight_decay=0.0005,
    rules=(Rule(match="*.bias", times=2.0, weight_decay=0.0),),
)
