"""Inception-ResNet v2 by its paper: the training of `inception-v4`.

Expected: 19.9 % top-1 and 4.9 % top-5 error on ILSVRC-2012's validation set, one view (table 2).
Cost: 20 Kepler GPUs; 5.1e18 multiply-adds in the 100 epochs here.
Source: as inception-v4.
Left out: as in inception-v4.
Run: alexnet train inception-resnet-v2 --data packed/ilsvrc2012-342 --out runs/inception-resnet-v2
"""

from alexnet.recipes import inception_v4

RECIPE = inception_v4.RECIPE.model_copy(
    update={"name": "inception-resnet-v2", "network": "inception-resnet-v2"}
)
