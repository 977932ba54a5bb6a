"""ResNet-20 on CIFAR-10 as its paper trains it; resnet32, resnet44, resnet56 and the plain nets likewise.

Expected: 8.75 % test error, one view; resnet32 7.51, resnet44 7.17, resnet56 6.97 by --set network=….
Cost: 1.0e15 multiply-adds.
Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015), §4.2: batches of 128, 0.1,
÷10 at 32,000 and 48,000 of 64,000 steps, decay 0.0001; padded by 4, flipped, the mean image subtracted. An
epoch of 50,000 pictures is 390 steps: 82 and 123 of 164 epochs. Padding has the mean colour here: about
zero once the mean image is subtracted.
Run: alexnet train resnet20-cifar --data packed/cifar10 --out runs/resnet20-cifar
"""

from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="resnet20-cifar",
    network="resnet20",
    crop=32,
    pad=4,
    flip=True,
    epochs=164,
    batch=128,
    learning_rate=Steps(start=0.1, drops=(82, 123)),
    momentum=0.9,
    weight_decay=0.0001,
)
