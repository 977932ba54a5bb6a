"""The one-column AlexNet of 2014 by torchvision's reference training: the "AlexNet" of most libraries.

Expected: 43.48 % top-1 and 20.93 % top-5 error on ILSVRC-2012's validation set, one view.
Cost: 90 epochs on eight V100s; 2.5e17 multiply-adds.
Source: the network of Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014);
the training of resnet50-torchvision at a rate of 0.01, as its README has it for networks without batch norm
(vgg11 to vgg19 too, by --set network=…). Errors: torchvision's documentation.
Run: alexnet train alexnet-owt --data packed/ilsvrc2012 --out runs/alexnet-owt
"""

from alexnet.recipes import resnet50_torchvision
from alexnet.schedule import Steps

RECIPE = resnet50_torchvision.RECIPE.model_copy(
    update={
        "name": "alexnet-owt",
        "network": "alexnet-owt",
        "learning_rate": Steps(start=0.01, drops=(30, 60)),
    }
)
