"""Only what torch lacks: response norms, ceil-counted windows, unshared and columned layers, dropout, widths.

Sources: [P] the 2012 paper, §3.3 and §4.2; [C] its code, `layer.py` and `layers-145.cfg`;
[K] cuda-convnet, whose CIFAR-10 networks use unshared ("local") layers.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.networks.response import mean_across, mean_within, response_norm
from alexnet.networks.response_across import Across, fits, norm_across
from alexnet.networks.response_compiled import Within, kernel, norm_compiled
from alexnet.networks.undrawn import Unfilled
from alexnet.problem import UsageProblem

Layer = TypeVar("Layer", bound=nn.Module)


def ceil_windows(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """How many windows cuda-convnet lays along `size` pixels; the last may hang over the edge ([C] layer.py).

    >>> ceil_windows(224, 11, 4), ceil_windows(55, 3, 2), ceil_windows(55, 2, 2)
    (55, 27, 28)
    """
    return 1 + math.ceil((2 * padding + size - kernel) / stride)


def scaled(unit: Callable[..., Layer], width: float) -> Callable[..., Layer]:
    """`unit(ins, outs, …)` for numbers of maps as a table prints them: both times `width`, in eighths.

    >>> scaled(nn.Conv2d, 0.25)(64, 96, 3)
    Conv2d(16, 24, kernel_size=(3, 3), stride=(1, 1))
    """
    if width <= 0 or width * 8 % 1:
        raise UsageProblem(f"width={width!r} is no whole number of eighths (0.125, 0.25, …)")
    return lambda ins, outs, *shape, **options: unit(int(ins * width), int(outs * width), *shape, **options)


class CeilPad(nn.Module):
    """Zeros right and below [N, C, H, W], as many as the last window of `kernel` and `stride` hangs over.

    A convolution behind it gives `ceil_windows` outputs a side: 224 pixels become 227, and 11 by 4 gives 55.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, images: Tensor) -> Tensor:  # noqa: D102
        below, right = ((self.kernel - size) % self.stride for size in images.shape[-2:])
        return F.pad(images, (0, right, 0, below))

    def extra_repr(self) -> str:  # noqa: D102
        return f"kernel={self.kernel}, stride={self.stride}"


def _require_odd(size: int) -> None:
    if size % 2 == 0:
        raise UsageProblem(
            f"a norm window of {size} is even and has no middle: torch and ONNX shift it to different sides; "
            f"take {size - 1} or {size + 1}"
        )


class ResponseNorm(nn.Module):
    """Response norm across maps [P] §3.3: x / (k + alpha · mean of x² over `size` adjacent maps) ^ beta.

    Maps beyond the edge count as zeros in that mean. alpha is as in [C], torch and Caffe, which divide it by
    the window; the paper prints the sum instead, and `ResponseNorm.printed` takes its alpha. With `columns`
    the window never crosses from one column's maps to another's, as on the two GPUs of 2012. Even windows are
    refused.
    """

    def __init__(self, size: int, alpha: float, *, beta: float, k: float, columns: int = 1) -> None:
        super().__init__()
        _require_odd(size)
        self.size, self.alpha, self.beta, self.k, self.columns = size, alpha, beta, k, columns

    @classmethod
    def printed(cls, size: int, alpha: float, *, beta: float, k: float, columns: int = 1) -> "ResponseNorm":
        """The norm with alpha as the paper prints it: x / (k + alpha · sum of x²) ^ beta."""
        return cls(size, alpha * size, beta=beta, k=k, columns=columns)

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        if self._has_pieces(maps):
            across = Across(self.size, self.columns, self.k, self.alpha)
            return norm_compiled(maps, across) if kernel(maps.dtype) else norm_across(maps, across)
        mean = partial(mean_across, size=self.size, columns=self.columns)
        return response_norm(maps, mean, k=self.k, alpha=self.alpha, beta=self.beta)

    def of_rectified(self, maps: Tensor) -> Tensor | None:
        """The norm of the maps' ReLU, in one pass; None where nothing compiled does that."""
        if not (self._has_pieces(maps) and kernel(maps.dtype, rectified=True)):
            return None
        return norm_compiled(maps, Across(self.size, self.columns, self.k, self.alpha), rectified=True)

    def _has_pieces(self, maps: Tensor) -> bool:
        return self.beta == 0.75 and self.size > 1 and fits(maps)

    def extra_repr(self) -> str:  # noqa: D102
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}, columns={self.columns}"


class SameMapNorm(nn.Module):
    """Response norm within a map, `rnorm` of [C]: x / (k + alpha · mean of x² over size × size pixels)^beta.

    Pixels beyond the edge count as zeros in that mean, so alpha is divided by size² everywhere. Even windows
    are refused. The paper does not mention it; [C] layers-145.cfg has it after the second response norm.
    """

    def __init__(self, size: int, alpha: float, *, beta: float, k: float = 1.0) -> None:
        super().__init__()
        _require_odd(size)
        self.kernel_size, self.stride = size, 1  # it widens the receptive field as a convolution does
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        if self.beta == 0.75 and fits(maps) and kernel(maps.dtype):
            return norm_compiled(maps, Within(self.kernel_size, self.k, self.alpha))
        mean = partial(mean_within, size=self.kernel_size)
        return response_norm(maps, mean, k=self.k, alpha=self.alpha, beta=self.beta)

    def extra_repr(self) -> str:  # noqa: D102
        return f"{self.kernel_size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class StochasticDepth(nn.modules.dropout._DropoutNd):
    """A residual branch left out for some images, and in training divided by the share that is kept.

    Huang, Sun, Liu, Sedra, Weinberger, "Deep Networks with Stochastic Depth" (2016), one draw an image.
    """

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        if not self.training or self.p == 0:
            return maps
        kept = maps.new_empty(maps.size(0), *[1] * (maps.dim() - 1)).bernoulli_(1 - self.p)
        return maps * (kept / (1 - self.p))


class PaperDropout(nn.Module):
    """Dropout as in [P] §4.2: a plain mask in training, every output times the kept share 1 - p in testing.

    `nn.Dropout` divides by 1 - p in training instead. The two agree, in training and in testing, if there the
    weights of the layer behind are times 1 - p: an initial deviation of .01 here is .005 with torch's.
    Networks whose initial deviations come from the paper or its code use this one. With `mask=False` training
    multiplies as testing does: the same network in the mean, without the noise.
    """

    def __init__(self, p: float = 0.5, *, mask: bool = True) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise UsageProblem(f"a dropout rate of {p} is not in 0 <= p < 1")
        self.p, self.mask = p, mask

    def forward(self, features: Tensor) -> Tensor:  # noqa: D102
        if self.training and self.mask:
            return features * torch.empty_like(features).bernoulli_(1 - self.p)
        return features * (1 - self.p)

    def extra_repr(self) -> str:  # noqa: D102
        return f"p={self.p}" + ("" if self.mask else ", mask=False")


def dense(inputs: int, outputs: int) -> nn.Linear:
    """Make a dense layer whose network draws its weights; torch's own draw of AlexNet's takes 0.3 s more.

    >>> dense(9216, 4096)
    Linear(in_features=9216, out_features=4096, bias=True)
    """
    with Unfilled():
        return nn.Linear(inputs, outputs)


class ColumnLinear(nn.Module):
    """Dense layer [N, inputs] -> [N, outputs] in which each column sees its own share of the inputs only."""

    def __init__(self, inputs: int, outputs: int, *, columns: int) -> None:
        super().__init__()
        self.columns = columns
        reach = (inputs // columns) ** -0.5
        self.weight = nn.Parameter(torch.empty(outputs, inputs // columns).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, features: Tensor) -> Tensor:  # noqa: D102
        # a grouped convolution over one pixel
        return F.conv1d(features[..., None], self.weight[..., None], self.bias, groups=self.columns)[..., 0]

    def multiply_adds(self, outputs: tuple[int, ...]) -> int:
        """Multiply-adds of one image, one for each weight."""
        return self.weight.numel()

    def extra_repr(self) -> str:  # noqa: D102
        outputs, inputs = self.weight.shape
        return f"{inputs * self.columns}, {outputs}, columns={self.columns}"


class LocallyConnected2d(nn.Module):
    """Convolution without sharing, `local` of [K]: every place has kernels and biases of its own.

    Maps [N, C, image, image] -> [N, filters, side, side]; weights [side · side, filters, C · kernel²].
    """

    def __init__(self, channels: int, filters: int, *, kernel: int, image: int, padding: int = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel, 1, padding
        self.side = image + 2 * padding - kernel + 1
        inputs = channels * kernel**2
        reach = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(self.side**2, filters, inputs).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.zeros(filters, self.side, self.side))

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        patches = F.unfold(maps, self.kernel_size, padding=self.padding)  # [N, C · kernel², places]
        sums = torch.einsum("nip,pfi->nfp", patches, self.weight)  # [N, filters, places]
        return sums.reshape(-1, *self.bias.shape) + self.bias

    def multiply_adds(self, outputs: tuple[int, ...]) -> int:
        """Multiply-adds of one image, one for each weight."""
        return self.weight.numel()

    def extra_repr(self) -> str:  # noqa: D102
        places, filters, inputs = self.weight.shape
        return (
            f"{inputs // self.kernel_size**2}, {filters}, kernel={self.kernel_size}, "
            f"padding={self.padding}, places={places}"
        )
