"""VGG-16 (net D) as its paper trains it, with scale jitter; vgg11, vgg13 and vgg19 by --set network=….

Expected: 25.6 % top-1 and 8.1 % top-5 error on ILSVRC-2012's validation set, dense over one scale of 384;
trained at a fixed scale 27.0 / 8.8 (E: 25.5 / 8.0; A at a fixed scale: 29.6 / 10.4; table 3).
Cost: two to three weeks on four Titan Blacks in 2014; 4.4e18 multiply-adds.
Source: Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014),
§3.1. The rate falls to a tenth when the validation error stops falling, three times; 74 epochs. Where it is
silent: patience of five epochs.
Differs: the paper starts D and E from layers of a trained A, and nets with jitter from one trained at
384; here weights start as Glorot and Bengio's, which it found later to do for any depth. Packed pictures of
384 pixels are its middle scale, at which it tests; larger scales are enlarged from them.
Run: alexnet prepare ILSVRC packed/ilsvrc2012-384 --size 384 &&
alexnet train vgg16 --data packed/ilsvrc2012-384 --out runs/vgg16
"""

from alexnet.ingredients import ColourNoise
from alexnet.recipe import Recipe
from alexnet.schedule import Plateau

RECIPE = Recipe(
    name="vgg16",
    network="vgg16",
    crop=224,
    flip=True,
    scales=(256, 512),
    colour_noise=ColourNoise(form="paper"),
    mean="channel",
    epochs=74,
    batch=256,
    learning_rate=Plateau(start=0.01, patience=5, drops=3),
    momentum=0.9,
    weight_decay=0.0005,
)
