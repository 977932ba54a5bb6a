"""cuda-convnet's `layers-conv-local-13pct` on CIFAR-10: crops of 24, flips, two locally connected layers.

Expected: 13 % test error on the original pictures, nine or ten views, after 160 epochs in 25 minutes of 2011.
Cost: 160 epochs, 4.4e14 multiply-adds.
Source: cuda-convnet example-layers and Methodology: weights 0.001, biases 0.002, decay 0.004 in the local
and dense layers and none in the convolutions; ÷10 twice, ten epochs each.
Run: alexnet train convnet-conv-local-13pct --data packed/cifar10 --out runs/convnet-13pct
"""

from alexnet.ingredients import Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="convnet-conv-local-13pct",
    network="convnet-conv-local-13pct",
    crop=24,
    flip=True,
    epochs=160,
    learning_rate=Steps(start=0.001, drops=(140, 150)),
    weight_decay=0.004,
    rules=(
        Rule(match="*.bias", times=2.0, weight_decay=0.0),
        Rule(match="conv*.weight", weight_decay=0.0),
    ),
)
