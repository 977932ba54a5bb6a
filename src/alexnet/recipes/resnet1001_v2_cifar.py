"""The pre-activation ResNet of 1001 layers on CIFAR-10.

Expected: 4.92 % test error, one view (median of five; 4.89 ± 0.14); 4.62 with batches of 64, in the authors'
code.
Cost: 3.7e16 multiply-adds.
Source: He, Zhang, Ren, Sun, "Identity Mappings in Deep Residual Networks" (2016), §5 and appendix: batches of
128, 0.01 for 400 steps, then as in `resnet20-cifar`. The README of GitHub KaimingHe/resnet-1k-layers has both
errors. resnet110-v2 and resnet164-v2 by --set network=….
Run: alexnet train resnet1001-v2-cifar --data packed/cifar10 --out runs/resnet1001-v2-cifar
"""

from alexnet.recipes import resnet110_cifar

RECIPE = resnet110_cifar.RECIPE.model_copy(update={"name": "resnet1001-v2-cifar", "network": "resnet1001-v2"})
