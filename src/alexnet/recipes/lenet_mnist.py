"""LeNet on MNIST, 28 pixels, with the small shifts that handwriting forgives.

Expected: 0.87 % error on the first 3,000 test images (results/errors.csv).
Cost: a minute and a half on two cores.
Source: LeNet-5's layers (LeCun, Bottou, Bengio, Haffner 1998) with rectifiers; one-cycle rate (Smith 2018).
Run: alexnet prepare MNIST packed/mnist && alexnet train lenet-mnist --data packed/mnist --out runs/mnist
"""

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle

RECIPE = Recipe(
    name="lenet-mnist",
    network="lenet",
    channels=1,
    pad=2,
    mean="channel",
    divide_by="deviation",
    epochs=10,
    batch=128,
    optimizer="sgd",
    learning_rate=OneCycle(peak=0.1, rise=0.3),
    momentum=0.9,
    weight_decay=5e-4,
)
