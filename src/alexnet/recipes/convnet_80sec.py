"""cuda-convnet's `layers-80sec` on CIFAR-10: the fast one, with a hidden dense layer.

Expected: 26 % test error on the original pictures.
Cost: 80 seconds on a GPU of 2011; 8 epochs here.
Source: cuda-convnet example-layers, layers-80sec.cfg: as `convnet-19pct` with less decay.
Run: alexnet train convnet-80sec --data packed/cifar10 --out runs/convnet-80sec
"""

from alexnet.ingredients import Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="convnet-80sec",
    network="convnet-80sec",
    epochs=8,
    learning_rate=Steps(start=0.001, drops=(6, 7)),
    weight_decay=0.004,
    rules=(
        Rule(match="*.bias", times=2.0, weight_decay=0.0),
        Rule(match="fc*.weight", weight_decay=0.03),
    ),
)
