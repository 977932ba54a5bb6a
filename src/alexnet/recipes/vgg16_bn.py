"""VGG-16 with batch norm by torchvision's reference training; vgg11-bn, vgg13-bn and vgg19-bn likewise.

Expected: 26.64 % top-1 and 8.48 % top-5 error on ILSVRC-2012's validation set, one view. vgg11-bn 29.63 /
10.19, vgg13-bn 28.41 / 9.63, vgg19-bn 25.78 / 8.16 by --set network=….
Cost: 90 epochs on eight V100s; 5.4e18 multiply-adds.
Source: as resnet50-torchvision, whose values its README has for these too.
Run: alexnet train vgg16-bn --data packed/ilsvrc2012 --out runs/vgg16-bn
"""

from alexnet.recipes import resnet50_torchvision

RECIPE = resnet50_torchvision.RECIPE.model_copy(update={"name": "vgg16-bn", "network": "vgg16-bn"})
