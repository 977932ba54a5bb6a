"""The network of the 2012 code in plain NumPy, float64: loops written from the formulas, nothing of torch.

Arrays are [N, maps, H, W] and [N, features]. Slow, and meant to be: every output is one visible sum.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def windows(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    return 1 + math.ceil((2 * padding + size - kernel) / stride)


def patch(maps: Array, top: int, left: int, kernel: int) -> Array:
    """[maps, kernel, kernel] at a place that may lie over any edge, zeros there."""
    found = np.zeros((maps.shape[0], kernel, kernel))
    for row in range(kernel):
        for column in range(kernel):
            y, x = top + row, left + column
            if 0 <= y < maps.shape[1] and 0 <= x < maps.shape[2]:
                found[:, row, column] = maps[:, y, x]
    return found


def convolve(
    images: Array, weight: Array, bias: Array, *, stride: int = 1, padding: int = 0, columns: int = 1
) -> Array:
    """Windows counted with ceil; filters of a column see that column's maps only."""
    filters, seen, kernel, _ = weight.shape
    height, width = (windows(size, kernel, stride, padding) for size in images.shape[2:])
    outputs = np.zeros((len(images), filters, height, width))
    for image, y, x in np.ndindex(len(images), height, width):
        inputs = patch(images[image], y * stride - padding, x * stride - padding, kernel)
        for number in range(filters):
            first = number // (filters // columns) * seen
            outputs[image, number, y, x] = (weight[number] * inputs[first : first + seen]).sum() + bias[
                number
            ]
    return outputs


def pool(maps: Array, size: int, stride: int, pick: str = "max") -> Array:
    """Windows counted with ceil; the largest, or the average, of the part of a window inside."""
    height, width = (windows(side, size, stride) for side in maps.shape[2:])
    outputs = np.zeros((*maps.shape[:2], height, width))
    for y, x in np.ndindex(height, width):
        inside = maps[:, :, y * stride : y * stride + size, x * stride : x * stride + size]
        outputs[:, :, y, x] = inside.max((2, 3)) if pick == "max" else inside.mean((2, 3))
    return outputs


def neighbours(number: int, size: int, maps: int, columns: int) -> range:
    """The maps that `number` is normed with: `size` around it, in its own column."""
    own = maps // columns
    start = number // own * own
    return range(max(start, number - size // 2), min(start + own, number + size // 2 + 1))


def response_norm(maps: Array, size: int, scale: float, power: float, add: float, columns: int = 1) -> Array:
    outputs = np.zeros_like(maps)
    for number in range(maps.shape[1]):
        near = list(neighbours(number, size, maps.shape[1], columns))
        outputs[:, number] = maps[:, number] / (add + scale / size * (maps[:, near] ** 2).sum(1)) ** power
    return outputs


def response_norm_gradient(
    maps: Array, above: Array, size: int, scale: float, power: float, add: float, columns: int = 1
) -> Array:
    """dL/dmaps from dL/doutputs: through the map itself, and through every sum that it is part of."""
    count = maps.shape[1]
    base = np.zeros_like(maps)
    for number in range(count):
        near = list(neighbours(number, size, count, columns))
        base[:, number] = add + scale / size * (maps[:, near] ** 2).sum(1)
    gradient = above * base**-power
    for number in range(count):
        for other in neighbours(number, size, count, columns):
            through = above[:, other] * maps[:, other] * -power * base[:, other] ** (-power - 1)
            gradient[:, number] += through * scale / size * 2 * maps[:, number]
    return gradient


def same_map_base(maps: Array, size: int, scale: float, add: float) -> Array:
    base = np.zeros_like(maps)
    reach = size // 2
    for y, x in np.ndindex(*maps.shape[2:]):
        near = maps[:, :, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        base[:, :, y, x] = add + scale / size**2 * (near**2).sum((2, 3))
    return base


def same_map_norm(maps: Array, size: int, scale: float, power: float, add: float = 1.0) -> Array:
    return maps / same_map_base(maps, size, scale, add) ** power


def same_map_norm_gradient(
    maps: Array, above: Array, size: int, scale: float, power: float, add: float = 1.0
) -> Array:
    base = same_map_base(maps, size, scale, add)
    through = above * maps * -power * base ** (-power - 1)
    gradient = above * base**-power
    reach = size // 2
    for y, x in np.ndindex(*maps.shape[2:]):
        near = through[:, :, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        gradient[:, :, y, x] += near.sum((2, 3)) * scale / size**2 * 2 * maps[:, :, y, x]
    return gradient


def relu(values: Array) -> Array:
    return np.where(values > 0, values, 0.0)


def dense(features: Array, weight: Array, bias: Array) -> Array:
    return np.array(
        [[(row * image).sum() + b for row, b in zip(weight, bias, strict=True)] for image in features]
    )


def softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def cross_entropy(logits: Array, labels: list[int]) -> tuple[float, Array]:
    """Mean loss in nats, and its gradient [N, classes]."""
    shares, count = softmax(logits), len(labels)
    right = np.eye(logits.shape[1])[labels]
    return -sum(math.log(shares[n, label]) for n, label in enumerate(labels)) / count, (
        shares - right
    ) / count


def alexnet_2012(weights: dict[str, Array], images: Array, *, columns: int = 2) -> Array:
    """Net 145 in testing: what layers-145.cfg and layer-params-145.cfg say, top to bottom."""
    w = {name.removesuffix(".weight"): (value, weights[name.replace("weight", "bias")])
         for name, value in weights.items() if name.endswith("weight")}  # fmt: skip
    x = convolve(images, *w["conv1"], stride=4)
    x = response_norm(x, 5, 1e-4, 0.75, 2, columns)
    x = relu(pool(x, 3, 2))
    x = relu(convolve(x, *w["conv2"], padding=2, columns=columns))
    x = response_norm(x, 5, 1e-4, 0.75, 2, columns)
    x = same_map_norm(x, 5, 1e-3, 0.75)
    x = pool(x, 3, 2)
    x = relu(convolve(x, *w["conv3"], padding=1))
    x = relu(convolve(x, *w["conv4"], padding=1, columns=columns))
    x = convolve(x, *w["conv5"], padding=1, columns=columns)
    x = relu(pool(x, 3, 2))
    x = x.reshape(len(x), -1)
    x = 0.5 * relu(dense(x, *w["fc6"]))
    x = 0.5 * relu(dense(x, *w["fc7"]))
    return dense(x, *w["fc8"])
