"""AlexNet as the 2012 code trained its net 145, by the log at the foot of its configuration.

Expected: 40.7 % top-1 and 18.2 % top-5 error on ILSVRC-2012's validation set, ten views (logged .406640,
.182100); 37.5 and 17.0 % on ILSVRC-2010's test set (.374727, .169987).
Cost: 91 epochs; five to six days on two GTX 580s in 2012.
Source: [C] layers-145.cfg and layer-params-145.cfg: rate ÷10 at epochs 25, 51 and 79, conv1 slowed at 67
and frozen at 72, colour noise off at 67, ended at 91; biases at twice the rate without decay; one crop and
flip for 32 images.
Open: the log also shows biases that kept .002 while weights fell further; here they follow at twice the rate.
Run: alexnet train alexnet-2012 --data packed/ilsvrc2012 --out runs/alexnet-2012
"""

from alexnet.ingredients import ColourNoise, Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Pieces, Steps

RECIPE = Recipe(
    name="alexnet-2012",
    network="alexnet-2012",
    crop=224,
    flip=True,
    images_per_draw=32,
    colour_noise=ColourNoise(form="code", until=67),
    epochs=91,
    batch=128,
    learning_rate=Steps(start=0.01, drops=(25, 51, 79)),
    momentum=0.9,
    weight_decay=0.0005,
    rules=(
        Rule(match="*.bias", times=2.0, weight_decay=0.0),
        Rule(match="conv1.*", times=Pieces(starts=(0, 67, 72), values=(1, 0.1, 0))),
    ),
)
