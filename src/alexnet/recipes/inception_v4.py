"""Inception v4 by its paper, which changes little in the training of v3.

Expected: 20.0 % top-1 and 5.0 % top-5 error on ILSVRC-2012's validation set, one view ([I] table 2).
Cost: 20 Kepler GPUs; 4.7e18 multiply-adds in the 100 epochs here.
Source: [I] Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning" (2016), §4: RMSProp with decay 0.9 and ε 1, 0.045 times 0.94 every two epochs, 20
replicas. It gives neither batch nor length, nor softened labels: ours are 20 times 32 pictures, and as
`inception-v3`. It names no clipping: there is none.
Left out: photometric distortions (Howard 2013), the average of weights over time, with which it is tested.
Run: alexnet train inception-v4 --data packed/ilsvrc2012-342 --out runs/inception-v4
"""

from alexnet.recipes import inception_v3

RECIPE = inception_v3.RECIPE.model_copy(
    update={"name": "inception-v4", "network": "inception-v4", "batch": 640, "clip": None}
)
