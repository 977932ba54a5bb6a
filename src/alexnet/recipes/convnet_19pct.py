"""cuda-convnet's `layers-19pct` on CIFAR-10: `convnet-18pct` without its norms.

Expected: 19 % test error on the original pictures after 140 epochs, no augmentation (14.2 % with
translations and no decay); here the drops are drawn nearer.
Cost: 24 epochs, 4.4e13 multiply-adds.
Source: cuda-convnet example-layers, layers-19pct.cfg: decay 0.004 in the convolutions and 3 in the dense
layer.
Run: alexnet train convnet-19pct --data packed/cifar10 --out runs/convnet-19pct
"""

from alexnet.ingredients import Rule
from alexnet.recipes import convnet_18pct

RECIPE = convnet_18pct.RECIPE.model_copy(
    update={
        "name": "convnet-19pct",
        "network": "convnet-19pct",
        "rules": (
            Rule(match="*.bias", times=2.0, weight_decay=0.0),
            Rule(match="fc*.weight", weight_decay=3.0),
        ),
    }
)
