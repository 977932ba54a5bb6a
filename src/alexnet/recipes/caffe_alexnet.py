"""Caffe's AlexNet, whose weights went round the world from 2013; its CaffeNet by --set network=caffenet.

Expected: 42.9 % top-1 and 19.8 % top-5 error on ILSVRC-2012's validation set, one view, after 360,000 steps
(CaffeNet 42.6 / 19.6).
Cost: 2.5e17 multiply-adds.
Source: models/bvlc_alexnet of GitHub BVLC/caffe: batches of 256, 0.01, ÷10 every 100,000 of 450,000 steps,
decay 0.0005, biases at twice the rate without decay; no colour noise. An epoch is 5,004 steps: 20, 40, 60, 80
of 90.
Run: alexnet train caffe-alexnet --data packed/ilsvrc2012 --out runs/caffe-alexnet
"""

from alexnet.ingredients import Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="caffe-alexnet",
    network="caffe-alexnet",
    crop=227,
    flip=True,
    epochs=90,
    batch=256,
    learning_rate=Steps(start=0.01, drops=(20, 40, 60, 80)),
    momentum=0.9,
    weight_decay=0.0005,
    rules=(Rule(match="*.bias", times=2.0, weight_decay=0.0),),
)
