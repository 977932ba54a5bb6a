"""Augmentation, testing and updates of 2012 against plain loops written from the paper's formulas."""

import math

import numpy as np
import pytest
import torch

from alexnet.batches.draws import COLOURS, CROPS, normals, uniforms
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.batches.views import colour_noise, evaluation_views, gather, training_windows
from alexnet.dataset.statistics import Statistics, measure
from alexnet.evaluation.predictions import predict
from alexnet.ingredients import ColourNoise, Rule
from alexnet.recipe import Recipe
from alexnet.schedule import Steps
from alexnet.training.optimizer import optimizer_of, set_rates

IMAGES = np.random.default_rng(3).integers(0, 256, (6, 7, 7, 3), dtype=np.uint8)
IMAGES[..., 1] = (IMAGES[..., 0] // 2 + IMAGES[..., 1] // 2).astype(np.uint8)  # colours that go together


def recipe(**fields: object) -> Recipe:
    values = {
        "name": "r", "network": "n", "epochs": 2, "batch": 2, "crop": 5,
        "learning_rate": Steps(start=0.01, drops=(1,)), "weight_decay": 0.0005, **fields,
    }  # fmt: skip
    return Recipe.model_validate(values)


def covariance(images: np.ndarray) -> tuple[list[float], list[list[float]]]:
    """Means and covariance of RGB pixels, one pixel at a time."""
    pixels = [tuple(int(value) for value in pixel) for image in images for line in image for pixel in line]
    means = [sum(pixel[c] for pixel in pixels) / len(pixels) for c in range(3)]
    products = [
        [
            sum((pixel[i] - means[i]) * (pixel[j] - means[j]) for pixel in pixels) / len(pixels)
            for j in range(3)
        ]
        for i in range(3)
    ]
    return means, products


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    return measure(IMAGES)


def test_eigenvectors_are_those_of_the_pixels_covariance(statistics: Statistics) -> None:
    means, products = covariance(IMAGES)
    values, vectors = statistics.colour_eigenvalues, statistics.colour_vectors
    assert statistics.channel_means == pytest.approx(means, rel=1e-12)
    for number in range(3):
        for row in range(3):
            moved = sum(products[row][column] * vectors[column, number] for column in range(3))
            assert moved == pytest.approx(values[number] * vectors[row, number], abs=1e-10 * values[0])
    for one in range(3):
        for other in range(3):
            inner = sum(vectors[row, one] * vectors[row, other] for row in range(3))
            assert inner == pytest.approx(float(one == other), abs=1e-10)
    assert values[0] > values[1] > values[2] > 0


@pytest.mark.parametrize("form", ["paper", "code"])
def test_colour_noise_is_the_formula(statistics: Statistics, form: str) -> None:
    keys = np.arange(6)
    drawn = colour_noise(ColourNoise(form=form), statistics, seed=5, epoch=1, images=keys)
    alphas = normals(5, 1, keys, stream=COLOURS, count=3)
    for image in range(6):
        for channel in range(3):
            added = 0.0
            for component in range(3):
                value = float(statistics.colour_eigenvalues[component])
                length = 255 * (value / 255**2) if form == "paper" else math.sqrt(value)
                alpha = 0.1 * alphas[image, component]
                added += statistics.colour_vectors[channel, component] * length * alpha
            assert drawn[image, channel] == pytest.approx(added, abs=1e-10)


def test_a_training_view_pixel_by_pixel(statistics: Statistics) -> None:
    noise = ColourNoise(form="code")
    chosen = recipe(flip=True, colour_noise=noise)
    indices = np.arange(6)
    windows = training_windows(chosen, 7, epoch=0, images=indices, positions=indices)
    draws = uniforms(0, 0, indices, stream=CROPS, count=3)
    views = gather(IMAGES, indices, windows, 5)
    added = colour_noise(noise, statistics, seed=0, epoch=0, images=indices)
    preprocessing = preprocessing_of(chosen, statistics, 7, "crop")
    seen = preprocessing(torch.from_numpy(views), torch.from_numpy(added), noise.shrink).double().numpy()
    for image in range(6):
        top, left = math.floor(draws[image, 0] * 3), math.floor(draws[image, 1] * 3)
        for row in range(5):
            for column in range(5):
                across = left + (4 - column if draws[image, 2] < 0.5 else column)
                for channel in range(3):
                    pixel = float(IMAGES[image, top + row, across, channel])
                    mean = sum(float(one[row + 1, column + 1, channel]) for one in IMAGES) / 6
                    expected = (pixel - mean + added[image, channel]) / 1.1
                    # pixels are float32 from here on
                    assert seen[image, channel, row, column] == pytest.approx(expected, abs=1e-4)


def test_ten_views_are_averaged_as_the_paper_says() -> None:
    weight = np.random.default_rng(0).normal(size=(4, 75))

    def scores(views: torch.Tensor) -> torch.Tensor:
        return views.flatten(1) @ torch.from_numpy(weight.T)

    batches = [
        [torch.from_numpy(view_of(image, *view)[None]) for image in IMAGES]
        for view in evaluation_views("ten", 7, 5)
    ]
    found = predict(scores, batches, torch.zeros(6, dtype=torch.int64)).probabilities
    corners = [(0, 0), (0, 2), (1, 1), (2, 0), (2, 2)]
    for number, image in enumerate(IMAGES):
        total = np.zeros(4)
        for top, left in corners:
            for mirrored in (False, True):
                view = np.zeros((3, 5, 5))
                for row in range(5):
                    for column in range(5):
                        across = left + (4 - column if mirrored else column)
                        view[:, row, column] = image[top + row, across].astype(float) / 255
                powers = [
                    math.exp(sum(w * v for w, v in zip(line, view.ravel(), strict=True))) for line in weight
                ]
                total += np.array(powers) / sum(powers)
        assert found[number].tolist() == pytest.approx((total / 10).tolist(), abs=1e-10)


def view_of(image: np.ndarray, row: int, column: int, flip: bool) -> np.ndarray:
    window = image[row : row + 5, column : column + 5]
    window = window[:, ::-1] if flip else window
    return window.astype(np.float64).transpose(2, 0, 1) / 255


def test_five_updates_across_a_change_of_rate() -> None:
    """The recipe's own path: rates by epoch, biases twice as fast and without decay, velocity as printed."""
    rules = (Rule(match="*bias", times=2.0, weight_decay=0.0),)
    chosen = recipe(rules=rules)
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2).double()
    values = {name: value.detach().numpy().copy() for name, value in network.named_parameters()}
    velocity = {name: np.zeros_like(value) for name, value in values.items()}
    optimizer = optimizer_of(chosen, network)
    generator = np.random.default_rng(1)
    for step in range(5):
        epoch = step / 3  # the rate falls at epoch 1, between the third and the fourth step
        inputs, targets = generator.normal(size=(4, 3)), generator.normal(size=(4, 2))
        set_rates(optimizer, chosen, epoch, [])
        optimizer.zero_grad()
        difference = network(torch.from_numpy(inputs)) - torch.from_numpy(targets)
        (0.5 * difference.square().sum(1).mean()).backward()
        optimizer.step()

        rate = 0.01 if epoch < 1 else 0.001
        errors = np.zeros((4, 2))
        for image in range(4):
            for unit in range(2):
                weighted = sum(values["weight"][unit, k] * inputs[image, k] for k in range(3))
                errors[image, unit] = weighted + values["bias"][unit] - targets[image, unit]
        for unit in range(2):
            for k in range(3):
                slope = sum(errors[image, unit] * inputs[image, k] for image in range(4)) / 4
                w, v = values["weight"][unit, k], velocity["weight"][unit, k]
                velocity["weight"][unit, k] = 0.9 * v - 0.0005 * rate * w - rate * slope
            slope = sum(errors[image, unit] for image in range(4)) / 4
            velocity["bias"][unit] = 0.9 * velocity["bias"][unit] - 2 * rate * slope
        for name in values:
            values[name] = values[name] + velocity[name]
    for name, value in network.named_parameters():
        assert value.detach().numpy() == pytest.approx(values[name], abs=1e-10)
