"""What errors were printed for the networks here, and by whom; per cent.

The first of a network is its headline: its authors' own figure for one network (not an average of several) on
one view, or what of theirs comes nearest to that. Where only others published a figure, it is theirs.

The figures of Inception-v4 and Inception-ResNet-v2 and the unaugmented one of NiN were noted from memory and
not read again.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One printed error."""

    top1: float | None  # per cent; None where it was not printed
    top5: float | None
    views: str  # of each picture, averaged
    source: str
    data: str = "ILSVRC-2012 val"


ILSVRC_2010 = "ILSVRC-2010 test"
FALL_2009 = "ImageNet 2009"
CIFAR_10 = "CIFAR-10 test"


def torchvision(top1: float, top5: float, *, weights: str = "V1") -> Published:
    """Torchvision prints accuracies.

    >>> torchvision(56.522, 79.066)
    Published(top1=43.478, top5=20.934, views='1', source='torchvision, weights V1', data='ILSVRC-2012 val')
    """
    return Published(round(100 - top1, 3), round(100 - top5, 3), "1", f"torchvision, weights {weights}")


def cifar(error: float, source: str, *, views: str = "1") -> Published:
    """A top-1 error on the test pictures of CIFAR-10."""
    return Published(error, None, views, source, CIFAR_10)


PAPER_2012 = (
    Published(40.7, 18.2, "10", "2012 paper, table 2"),
    Published(37.5, 17.0, "10", "2012 paper, table 1", ILSVRC_2010),
    Published(39.0, 18.3, "1", "2012 paper, §6", ILSVRC_2010),
)
VGG = "Simonyan, Zisserman 2014, table 3"
GOOGLENET = "Szegedy et al. 2014, table 3"
RETHINKING = "Szegedy et al. 2015, Rethinking"
INCEPTION_4 = "Szegedy et al. 2016"
RESNET = "He et al. 2015"
RELEASED = "He et al., released weights"
IDENTITY = "He et al. 2016"
NIN = "Lin, Chen, Yan 2013"
WHOLE = "whole picture"

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "convnet-80sec": (cifar(26, "cuda-convnet"),),
    "convnet-19pct": (cifar(19, "cuda-convnet"), cifar(14.2, "cuda-convnet, translated, no decay")),
    "convnet-18pct": (cifar(18, "cuda-convnet"),),
    "convnet-conv-local-13pct": (cifar(13, "cuda-convnet", views="9 or 10"),),
    "convnet-conv-local-11pct": (cifar(11, "cuda-convnet", views="9 or 10"),),
    "alexnet": PAPER_2012,
    "alexnet-2012": PAPER_2012,
    "alexnet-2012-half": (Published(39.17, 18.23, "10", "2012 code, net 145-half", ILSVRC_2010),),
    "alexnet-2012-pool2": (Published(41.06, 18.51, "10", "2012 code, net 147"),),
    "alexnet-2012-nonorm": (Published(42.03, 19.36, "10", "2012 code, net 148"),),
    "alexnet-2012-nolinks": (Published(41.83, 19.33, "10", "2012 code, net 150"),),
    "alexnet-2012-conv6": (
        Published(39.0, 16.6, "10", "2012 paper, table 2, pre-trained on ImageNet 2011"),
        Published(39.1, 16.88, "10", "2012 code, net 146, pre-trained on ImageNet 2009"),
        Published(67.4, 40.9, "10", "2012 paper, §6", FALL_2009),
    ),
    "caffe-alexnet": (Published(42.9, 19.8, "1", "Caffe's model card"),),
    "caffenet": (Published(42.6, 19.6, "1", "Caffe's model card"),),
    "alexnet-owt": (torchvision(56.522, 79.066),),
    "nin-cifar": (
        cifar(10.41, NIN, views="not said"),
        cifar(8.81, f"{NIN}, augmented", views="not said"),
    ),
    "vgg11": (Published(29.6, 10.4, WHOLE, VGG), torchvision(69.020, 88.628)),
    "vgg11-lrn": (Published(29.7, 10.5, WHOLE, VGG),),
    "vgg13": (Published(28.7, 9.9, WHOLE, VGG), torchvision(69.928, 89.246)),
    "vgg16-1x1": (
        Published(28.1, 9.4, WHOLE, VGG),
        Published(27.3, 8.8, WHOLE, f"{VGG}, scales jittered"),
    ),
    "vgg16": (
        Published(27.0, 8.8, WHOLE, VGG),
        Published(25.6, 8.1, WHOLE, f"{VGG}, scales jittered"),
        torchvision(71.592, 90.382),
    ),
    "vgg19": (
        Published(27.3, 9.0, WHOLE, VGG),
        Published(25.5, 8.0, WHOLE, f"{VGG}, scales jittered"),
        torchvision(72.376, 90.876),
    ),
    "vgg11-bn": (torchvision(70.370, 89.810),),
    "vgg13-bn": (torchvision(71.586, 90.374),),
    "vgg16-bn": (torchvision(73.360, 91.516),),
    "vgg19-bn": (torchvision(74.218, 91.842),),
    "googlenet": (
        Published(None, 10.07, "1", GOOGLENET),
        Published(None, 7.89, "144", GOOGLENET),
        Published(None, 6.67, "144, 7 networks", GOOGLENET),
        Published(29.0, 9.2, "1", RETHINKING),
        Published(31.3, 11.1, "1", "Caffe's model card"),
    ),
    "googlenet-torchvision": (torchvision(69.778, 89.530),),
    "bn-inception": (Published(25.2, 7.8, "1", RETHINKING),),
    "inception-v3": (
        Published(21.2, 5.6, "1", RETHINKING),
        Published(19.47, 4.48, "12", RETHINKING),
        Published(18.77, 4.2, "144", RETHINKING),
        Published(17.2, 3.58, "144, 4 networks", RETHINKING),
        torchvision(77.294, 93.450),
    ),
    "inception-v4": (
        Published(20.0, 5.0, "1", INCEPTION_4),
        Published(17.7, 3.8, "144", INCEPTION_4),
        Published(19.86, 5.02, "1", "timm's port of the released weights"),
    ),
    "inception-resnet-v2": (
        Published(19.9, 4.9, "1", INCEPTION_4),
        Published(17.8, 3.7, "144", INCEPTION_4),
        Published(19.57, 4.69, "1", "timm's port of the released weights"),
    ),
    "resnet18": (
        Published(27.88, None, "10", f"{RESNET}, shortcuts A"),
        torchvision(69.758, 89.078),
    ),
    "resnet34": (
        Published(24.52, 7.46, "10", f"{RESNET}, shortcuts B as here"),
        Published(25.03, 7.76, "10", f"{RESNET}, shortcuts A"),
        Published(24.19, 7.40, "10", f"{RESNET}, shortcuts C"),
        torchvision(73.314, 91.420),
    ),
    "resnet50": (Published(24.7, 7.8, "1", RELEASED), Published(22.85, 6.71, "10", RESNET)),
    "resnet101": (Published(23.6, 7.1, "1", RELEASED), Published(21.75, 6.05, "10", RESNET)),
    "resnet152": (
        Published(23.0, 6.7, "1", RELEASED),
        Published(21.43, 5.71, "10", RESNET),
        Published(19.38, 4.49, "several scales", RESNET),
        Published(21.3, 5.5, "1 of 320 pixels", IDENTITY),
    ),
    "plain18": (Published(27.94, None, "10", RESNET),),
    "plain34": (Published(28.54, None, "10", RESNET),),
    "resnet50-v1.5": (
        torchvision(76.130, 92.862),
        torchvision(80.858, 95.434, weights="V2"),
    ),
    "resnet101-v1.5": (
        torchvision(77.374, 93.546),
        torchvision(81.886, 95.780, weights="V2"),
    ),
    "resnet152-v1.5": (
        torchvision(78.312, 94.046),
        torchvision(82.284, 96.002, weights="V2"),
    ),
    "resnet152-v2": (Published(21.1, 5.5, "1 of 320 pixels", IDENTITY),),
    "resnet20": (cifar(8.75, RESNET),),
    "resnet32": (cifar(7.51, RESNET),),
    "resnet44": (cifar(7.17, RESNET),),
    "resnet56": (cifar(6.97, RESNET),),
    "resnet110": (cifar(6.43, RESNET),),
    "resnet1202": (cifar(7.93, RESNET),),
    "resnet1001-v2": (cifar(4.62, "He et al., released code"), cifar(4.92, IDENTITY)),
}


def published(name: str) -> tuple[Published, ...]:
    """The printed errors of the network of this name, the headline first; none for many."""
    return PUBLISHED.get(name, ())
