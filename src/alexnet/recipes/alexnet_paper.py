"""AlexNet as the paper's text trains it, on ILSVRC at 256 pixels.

Expected: 40.7 % top-1 and 18.2 % top-5 error on ILSVRC-2012's validation set, ten views ([P] table 2, "1
CNN"); 37.5 and 17.0 % on ILSVRC-2010's test set (table 1).
Cost: 90 epochs; five to six days on two GTX 580s in 2012.
Source: [P] §3 to §5. The rate falls to a tenth when the validation error stops falling, three times; all
layers learn at one rate and everything is decayed, as the text has it. Where it is silent: patience of five
epochs.
Run: alexnet train alexnet --data packed/ilsvrc2012 --out runs/alexnet
"""

from alexnet.ingredients import ColourNoise
from alexnet.recipe import Recipe
from alexnet.schedule import Plateau

RECIPE = Recipe(
    name="alexnet",
    network="alexnet",
    crop=224,
    flip=True,
    colour_noise=ColourNoise(form="paper"),
    epochs=90,
    batch=128,
    learning_rate=Plateau(start=0.01, patience=5, drops=3),
    momentum=0.9,
    weight_decay=0.0005,
)
