"""Network in network on CIFAR-10, without augmentation.

Expected: 10.41 % test error, one view; 8.81 % with shifts and flips (--set pad=4 --set flip=true; the paper
does not say how far it shifts).
Cost: 260 epochs; 8.7e15 multiply-adds.
Source: Lin, Chen, Yan, "Network In Network" (2013), §4: batches of 128, rates "manually set", ÷10 twice. The
README of GitHub mavenlin/cuda-convnet, by its authors: 200, 30 and 30 epochs. The paper gives neither rate
nor decay; ours are those of NIN/cifar-100_params there, whose cost counts twice: 0.02 and 0.0005 here.
Left out: contrast normalisation and ZCA whitening of the pictures (as in Goodfellow et al., "Maxout
Networks").
Run: alexnet train nin-cifar --data packed/cifar10 --out runs/nin-cifar
"""

from alexnet.ingredients import Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="nin-cifar",
    network="nin-cifar",
    mean="channel",
    divide_by="deviation",
    epochs=260,
    batch=128,
    learning_rate=Steps(start=0.02, drops=(200, 230)),
    momentum=0.9,
    weight_decay=0.0005,
    rules=(Rule(match="*.bias", times=2.0, weight_decay=0.0),),
)
