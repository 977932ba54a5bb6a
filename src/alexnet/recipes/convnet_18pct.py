"""cuda-convnet's `layers-18pct` on CIFAR-10: three convolutions, response norms, one dense layer, no crops.

Expected: 18 % test error on the original pictures after 140 epochs, no augmentation; here the drops are drawn
nearer: 24.8 % on re-encoded pictures after 24 epochs (results/errors.csv).
Cost: a quarter of an hour on two cores.
Source: cuda-convnet example-layers, layers-18pct.cfg and layer-params-18pct.cfg: weights 0.001, biases 0.002,
momentum 0.9, decay 0.004 in the convolutions and 1 in the dense layer; ÷10 twice at the end.
Run: alexnet train convnet-18pct --data packed/cifar10 --out runs/convnet-18pct
"""

from alexnet.ingredients import Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Steps

RECIPE = Recipe(
    name="convnet-18pct",
    network="convnet-18pct",
    mean="image",
    epochs=24,
    batch=128,
    optimizer="sgd-2012",
    learning_rate=Steps(start=0.001, drops=(20, 22)),
    momentum=0.9,
    weight_decay=0.004,
    rules=(
        Rule(match="*.bias", times=2.0, weight_decay=0.0),
        Rule(match="fc*.weight", weight_decay=1.0),
    ),
)
