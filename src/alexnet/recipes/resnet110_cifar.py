"""ResNet-110 on CIFAR-10: the training of `resnet20-cifar` after a first epoch at a tenth of the rate.

Expected: 6.43 % test error, one view, the best of five (6.61 ± 0.16).
Cost: 6.2e15 multiply-adds.
Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015), §4.2: 0.01 until the
training error is below 80 %, about 400 steps, then 0.1. Here it is 400 steps, whatever the error.
Run: alexnet train resnet110-cifar --data packed/cifar10 --out runs/resnet110-cifar
"""

from alexnet.recipes import resnet20_cifar
from alexnet.schedule import Pieces

RECIPE = resnet20_cifar.RECIPE.model_copy(
    update={
        "name": "resnet110-cifar",
        "network": "resnet110",
        "learning_rate": Pieces(starts=(0, 400 / 390, 82, 123), values=(0.01, 0.1, 0.01, 0.001)),
    }
)
