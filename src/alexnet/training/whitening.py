"""First kernels that whiten: eigenvectors of the training patches, each over its deviation, in both signs.

Jordan, "94 % on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024), §3.2, after Page's "How to Train Your
ResNet" (2019): the layer's outputs are uncorrelated from the first step on, and it need not be trained.
"""

import torch
from torch import Tensor, nn

from alexnet.problem import UsageProblem

SMALLEST = 5e-4
"""Added to every variance (pixels over their deviation): directions of pure noise are not blown up."""


@torch.no_grad()
def whiten(network: nn.Module, layer: str, images: Tensor) -> None:
    """Give convolution `layer` of `network` the whitening of its patches in `images` [N, channels, H, W].

    Its first kernels are the eigenvectors of the greatest variance, then come the same ones negative; biases
    are 0. A UsageProblem where there is no such convolution, or it has fewer kernels than both signs need.
    """
    convolution = dict(network.named_modules()).get(layer)
    if not isinstance(convolution, nn.Conv2d):
        raise UsageProblem(f"whiten={layer}: the network has no convolution of that name")
    outputs, channels, height, width = convolution.weight.shape
    inputs = channels * height * width
    if outputs < 2 * inputs or images.size(1) != channels:
        raise UsageProblem(
            f"whiten={layer}: {outputs} kernels of {inputs} weights; both signs need {2 * inputs} kernels"
        )
    windows = images.unfold(2, height, 1).unfold(3, width, 1)  # [N, C, H', W', height, width]
    patches = windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, inputs).double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    kernels = (vectors / (values + SMALLEST).sqrt()).T.flip(0).view(inputs, channels, height, width)
    convolution.weight[: 2 * inputs] = torch.cat([kernels, -kernels]).to(convolution.weight)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
