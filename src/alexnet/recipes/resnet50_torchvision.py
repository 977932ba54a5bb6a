"""ResNet-50 (v1.5) by torchvision's reference training, which gave its first weights.

Expected: 23.87 % top-1 and 7.14 % top-5 error on ILSVRC-2012's validation set, one view. resnet18 30.24 /
10.92, resnet34 26.69 / 8.58, resnet101-v1.5 22.63 / 6.45, resnet152-v1.5 21.69 / 5.95 by --set network=….
Cost: 90 epochs on eight V100s; 1.4e18 multiply-adds.
Source: references/classification/README.md of GitHub pytorch/vision: eight times 32 pictures a step, 0.1 ÷10
at 30 and 60, decay 0.0001; crops of random area and shape, flips. Errors: its documentation, weights V1.
Run: alexnet train resnet50-torchvision --data packed/ilsvrc2012 --out runs/resnet50-torchvision
"""

from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="resnet50-torchvision",
    network="resnet50-v1.5",
    crop=224,
    flip=True,
    area=(0.08, 1.0),
    mean="channel",
    divide_by="deviation",
    epochs=90,
    batch=256,
    optimizer="sgd",
    learning_rate=Steps(start=0.1, drops=(30, 60)),
    momentum=0.9,
    weight_decay=0.0001,
)
