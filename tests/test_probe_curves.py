"""The diagnosis against made curves of each kind, rule by rule."""

import math

import pytest

from alexnet.probing.curves import curve_figure, diagnose, falling

TEN = math.log(10)


def log(training, validation=()):
    lines = [
        {"epoch": number + 1, "step": 10 * number, "training_loss": loss}
        for number, loss in enumerate(training)
    ]
    for line, loss in zip(lines, validation, strict=False):
        line |= {"validation_loss": loss, "top1_error": 100 * loss / 3, "top5_error": 10 * loss}
    return lines


def findings(training, validation=(), classes=10, **options):
    return [one.finding for one in diagnose(log(training, validation), classes, **options)]


FLAT = [2.0, 1.0, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("training", "validation", "expected"),
    [
        ([2.3, 2.3, 2.25], [2.3, 2.3, 2.3], ["not-learning"]),
        ([2.0, 1.0, 0.5, 0.2, 0.1], [1.8, 1.2, 1.0, 1.3, 1.6], ["over-fitting"]),
        ([2.0, 1.0, 0.5, 0.5, 0.5], [1.8, 1.2, 0.9, 0.9, 0.9], ["gap"]),
        ([2.0, 1.0, 0.8, 0.6, 0.4], [1.8, 1.2, 1.0, 0.9, 0.8], ["gap", "unfinished"]),
        ([2.0, 1.8, 1.6, 1.4, 1.2], [1.8, 1.7, 1.5, 1.3, 1.2], ["unfinished"]),
        ([1.8, 1.5, 1.2, 1.2, 1.2], [1.8, 1.5, 1.2, 1.2, 1.2], ["under-fitting"]),
        (FLAT, [1.8, 1.0, 0.5, 0.5, 0.5, 0.5], ["sound"]),
        (FLAT, [], ["unknown"]),
        ([2.0, 1.0, 0.5], [], ["unknown", "unfinished"]),
        ([1.0], [0.9], ["sound"]),
    ],
)
def test_each_kind_of_curve_has_its_finding(training, validation, expected):
    assert findings(training, validation) == expected


@pytest.mark.parametrize(("last", "expected"), [(1.02, ["sound"]), (1.04, ["over-fitting"])])
def test_over_fitting_begins_three_per_cent_above_the_least(last, expected):
    validation = [1.8, 1.2, 1.0, 1.0, last]
    assert findings([2.0, 1.2, 1.0, 0.999, 0.998], validation, classes=1000) == expected


@pytest.mark.parametrize(("last", "expected"), [(0.62, ["sound"]), (0.63, ["gap"])])
def test_a_gap_begins_a_quarter_above_training(last, expected):
    assert findings(FLAT, [1.8, 1.0, last, last, last, last]) == expected


def test_a_validation_loss_that_rises_with_the_training_loss_is_not_over_fitting():
    assert "over-fitting" not in findings([1.0, 0.5, 0.8], [1.0, 0.5, 0.8])


def test_losses_of_several_heads_are_brought_to_one():
    training = [1.6 * 2.0, 1.6 * 1.5, 1.6 * 1.5]
    validation = [1.9, 1.5, 1.5]
    assert findings(training, validation, heads=1.6) == ["under-fitting"]
    assert findings([1.6 * TEN] * 3, validation, heads=1.6) == ["not-learning"]


def test_the_epoch_since_which_it_over_fits_is_named():
    (one,) = diagnose(log([2.0, 1.0, 0.5, 0.2], [1.5, 1.1, 1.4, 1.7]), 10)
    assert "since epoch 2" in one.words
    assert "1.10" in one.words
    assert "1.70" in one.words


def test_falling_is_the_mean_of_the_last_quarter():
    assert falling([9.0, 9.0, 9.0, 9.0, 1.0, 1.0, 1.0, 0.25]) == pytest.approx(0.5)
    assert falling([1.0, 2.0]) == pytest.approx(-1.0)


@pytest.mark.parametrize("validation", [[], [1.8, 1.2]])
def test_curves_are_drawn_with_and_without_validation(validation, tmp_path):
    lines = [{"epoch": 0.5, "step": 5, "loss": 2.1, "rate": 0.1}, *log([2.0, 1.0], validation)]
    figure = curve_figure("curves", lines, diagnose(lines[1:], 10), heads=2.0)
    figure.savefig(tmp_path / "curves.png")
    assert len(figure.axes) == (2 if validation else 1)
    training = next(line for line in figure.axes[0].lines if line.get_label() == "training")
    assert list(training.get_ydata()) == [1.0, 0.5]
