"""ResNet-50 as its paper trains it; resnet18, resnet34, resnet101, resnet152 and plain34 by --set network=….

Expected: 22.85 % top-1 and 6.71 % top-5 error on ILSVRC-2012's validation set, ten views (table 3); 24.7 /
7.8 with one (the authors' released weights). Ten views: resnet34 24.52 / 7.46, resnet101 21.75 / 6.05,
resnet152 21.43 / 5.71, plain34 28.54.
Cost: 600,000 steps of 256 pictures, 120 epochs; 1.8e18 multiply-adds.
Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015), §3.4: 0.1, ÷10 when the
error stops falling; decay 0.0001; scales of 256 to 480; the mean image, colour noise and views of the 2012
paper. Where it is silent: three drops, patience of five epochs. The update is that of Caffe, in which it was
trained. Packed pictures of 256 pixels are of the 2012 views' scale; larger scales are enlarged from them.
Run: alexnet train resnet50 --data packed/ilsvrc2012 --out runs/resnet50
"""

from alexnet.ingredients import ColourNoise
from alexnet.recipe import Recipe
from alexnet.schedule import Plateau

RECIPE = Recipe(
    name="resnet50",
    network="resnet50",
    crop=224,
    flip=True,
    scales=(256, 480),
    colour_noise=ColourNoise(form="paper"),
    epochs=120,
    batch=256,
    learning_rate=Plateau(start=0.1, patience=5, drops=3),
    momentum=0.9,
    weight_decay=0.0001,
)
