"""cuda-convnet's `layers-conv-local-11pct` on CIFAR-10: the 13 % network with response norms across maps.

Expected: 11 % test error on the original pictures, nine or ten views, after 520 epochs in 75 minutes of 2011.
Cost: 520 epochs, 1.5e15 multiply-adds.
Source: cuda-convnet Methodology (300 to 350 epochs, 150 with the fifth batch, ten and ten at ÷10 each) and
cuda-convnet2 layers-cifar10-11pct.cfg (the network's final form: decay 0.004 in the local layers, 0.01 in the
dense one).
Run: alexnet train convnet-conv-local-11pct --data packed/cifar10 --out runs/convnet-11pct
"""

from alexnet.ingredients import Rule
from alexnet.recipes import convnet_conv_local_13pct
from alexnet.schedule import Steps

RECIPE = convnet_conv_local_13pct.RECIPE.model_copy(
    update={
        "name": "convnet-conv-local-11pct",
        "network": "convnet-conv-local-11pct",
        "epochs": 520,
        "learning_rate": Steps(start=0.001, drops=(500, 510)),
        "rules": (
            Rule(match="*.bias", times=2.0, weight_decay=0.0),
            Rule(match="conv*.weight", weight_decay=0.0),
            Rule(match="fc*.weight", weight_decay=0.01),
        ),
    }
)
