"""Named recipes: each a file whose docstring gives expected error, cost, source and command."""

import difflib
from pathlib import Path

from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.recipes import (
    airbench94,
    airbench96,
    airbench_64,
    airbench_s,
    alexnet_32,
    alexnet_64,
    alexnet_2012,
    alexnet_2012_64,
    alexnet_owt,
    alexnet_paper,
    bn_inception,
    bn_inception_64,
    caffe_alexnet,
    convnet_18pct,
    convnet_19pct,
    convnet_80sec,
    convnet_conv_local_11pct,
    convnet_conv_local_13pct,
    googlenet,
    googlenet_64,
    inception_resnet_v2,
    inception_resnet_v2_64,
    inception_v3,
    inception_v3_64,
    inception_v4,
    inception_v4_64,
    lenet_32,
    lenet_1998,
    lenet_digits,
    lenet_mnist,
    nin,
    nin_32,
    nin_cifar,
    resnet20_cifar,
    resnet20_short,
    resnet50,
    resnet50_torchvision,
    resnet110_cifar,
    resnet1001_v2_cifar,
    vgg16,
    vgg16_bn,
    vgg_32,
)
from alexnet.settings import read

MODULES = (
    lenet_1998,
    lenet_digits,
    lenet_mnist,
    lenet_32,
    convnet_80sec,
    convnet_19pct,
    convnet_18pct,
    convnet_conv_local_13pct,
    convnet_conv_local_11pct,
    alexnet_paper,
    alexnet_2012,
    caffe_alexnet,
    alexnet_owt,
    alexnet_64,
    alexnet_2012_64,
    alexnet_32,
    nin_cifar,
    nin,
    nin_32,
    vgg16,
    vgg16_bn,
    vgg_32,
    googlenet,
    googlenet_64,
    bn_inception,
    bn_inception_64,
    inception_v3,
    inception_v3_64,
    inception_v4,
    inception_v4_64,
    inception_resnet_v2,
    inception_resnet_v2_64,
    resnet50,
    resnet50_torchvision,
    resnet20_cifar,
    resnet110_cifar,
    resnet1001_v2_cifar,
    resnet20_short,
    airbench_s,
    airbench94,
    airbench96,
    airbench_64,
)
RECIPES: dict[str, Recipe] = {module.RECIPE.name: module.RECIPE for module in MODULES}


def find(name: str | Path) -> Recipe:
    """Return the recipe of this name, or the one in a `recipe.json`.

    >>> find("lenet-mnist").network
    'lenet'
    """
    if str(name) in RECIPES:
        return RECIPES[str(name)]
    path = Path(name)
    if path.suffix == ".json" or path.is_file():
        try:
            return read(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise Problem(f"cannot read recipe {path}: {error.strerror}") from None
    close = difflib.get_close_matches(str(name), RECIPES, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise UsageProblem(f"no recipe named {str(name)!r}; {hint}there are {', '.join(RECIPES)}")
