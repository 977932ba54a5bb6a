import numpy as np
import pytest
from scipy.stats import linregress

from alexnet.evaluation.power_law import extrapolated, fit_power_law
from alexnet.problem import UsageProblem


def test_a_power_law_is_found_again_and_fits() -> None:
    images = [100, 300, 1000, 5000]
    law = fit_power_law(images, [90 * n**-0.3 for n in images])
    assert (law.factor, law.exponent) == pytest.approx((90, 0.3))
    assert law.misfit < 1e-9
    assert law.fits
    assert not fit_power_law([100, 200, 400], [60.0, 2.0, 1.5]).fits, "one that has only begun to learn"
    assert law.at(20_000) == pytest.approx(90 * 20_000**-0.3)
    assert fit_power_law([1, 2], [100.0, 90.0]).at(0.01) == 100, "no error is over 100 %"


def test_the_interval_is_that_of_a_line_in_the_logarithms() -> None:
    images, wrong = [100, 200, 400, 800, 1600], [52.0, 40.0, 33.0, 24.0, 20.0]
    line = linregress(np.log(images), np.log(wrong))
    found = extrapolated(images, wrong, 3200)
    assert found is not None
    assert found.error == pytest.approx(np.exp(line.intercept + line.slope * np.log(3200)))
    assert found.interval[0] < found.error < found.interval[1]
    assert extrapolated(images[:2], wrong[:2], 3200) is None, "a line through two points has no interval"


def test_the_interval_holds_the_next_measurement() -> None:
    generator = np.random.default_rng(0)
    images, hits = np.array([500, 1000, 2000, 4000]), []
    for _ in range(400):
        noisy = np.exp(np.log(300 * images**-0.35) + generator.normal(0, 0.03, 4))
        found = extrapolated(images.tolist(), noisy.tolist(), 8000)
        assert found is not None
        new = np.exp(np.log(300 * 8000**-0.35) + generator.normal(0, 0.03))
        hits.append(found.interval[0] < new < found.interval[1])
    assert 0.91 <= np.mean(hits) <= 0.985


def test_one_size_or_no_error_has_no_law() -> None:
    for images, wrong in (([10], [5.0]), ([10, 20], [5.0, 0.0])):
        with pytest.raises(UsageProblem, match="two sizes"):
            fit_power_law(images, wrong)
