"""The 2012 code's AlexNet sized for 64 pixels: the same changes as `alexnet-64`, the code's own training.

Expected: 69 % top-1 error on 50 classes of Tiny ImageNet, so early in a training (results/errors.csv).
Cost: as alexnet-64.
Source: [C] layers-145.cfg with crops of 56 from 64; the log's epochs drawn near, from 91 to 5.
Run: alexnet train alexnet-2012-64 --data packed/tiny50 --out runs/alexnet-2012-64
"""

from alexnet.ingredients import ColourNoise, Rule
from alexnet.recipes import alexnet_64
from alexnet.schedule import Pieces

RECIPE = alexnet_64.RECIPE.model_copy(
    update={
        "name": "alexnet-2012-64",
        "network": "alexnet-2012-64",
        "images_per_draw": 32,
        "colour_noise": ColourNoise(form="code", until=4),
        "rules": (
            Rule(match="*.bias", times=2.0, weight_decay=0.0),
            Rule(match="conv1.*", times=Pieces(starts=(0, 4, 4.7), values=(1, 0.1, 0))),
        ),
    }
)
