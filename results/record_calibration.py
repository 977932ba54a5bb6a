"""Measure how far runs' probabilities can be believed, and compare each two of them: results/calibration.csv
and results/comparisons.csv.

Run: python results/record_calibration.py --split test RUN [RUN...]
docs/evaluation.md is made from these files by docs/write_evaluation.py.
"""

import argparse
import datetime
import itertools
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

import torch
from record import RESULTS, commit, machine
from tables import Row, add

from alexnet.evaluation.calibration import calibration, confidences
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.temperature import cross_fitted, fit_temperature
from alexnet.evaluation.thresholds import promised_threshold, risk_coverage
from alexnet.run import open_run
from alexnet.verbs.compare import compare
from alexnet.verbs.evaluate import evaluate

CALIBRATION, COMPARISONS = RESULTS / "calibration.csv", RESULTS / "comparisons.csv"
PASSPORT = ("commit", "torch", "machine", "date")
RUN = ("recipe", "run_seed", "data", "split")
FIGURES = (
    "images", "top1", "error", "by_chance", "by_chance_95", "overconfidence", "equal_mass", "maximum",
    "brier", "loss", "temperature", "temperature_low", "temperature_high", "error_after",
    "by_chance_95_after",
    "brier_after", "loss_after", "wanted", "above", "coverage", "precision", "risk_coverage_area",
)  # fmt: skip
PAIR = ("data", "split", "first", "first_seed", "second", "second_seed")
DIFFERENCE = (
    "images", "pairs", "points", "low", "high", "only_first", "only_second", "p", "test", "adjusted_p",
    "reading",
)  # fmt: skip
WANTED = {"tiny50": 0.7}  # precision, where 95 % is out of reach


def main() -> None:
    """Record each run named on the command line, and all pairs of them."""
    parser = argparse.ArgumentParser(description="Record calibration, and compare runs on the same pictures.")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--split", default="val")
    words = parser.parse_args()
    runs = [calibrated(run, words.split) for run in words.runs]
    record(CALIBRATION, RUN, (*FIGURES, *PASSPORT), runs)
    if len(words.runs) > 1:
        record(COMPARISONS, PAIR, (*DIFFERENCE, *PASSPORT), compared(words.runs, words.split))


def record(table: Path, key: Sequence[str], figures: Sequence[str], rows: list[Row]) -> None:
    """Put rows into a table that is sorted by its key."""
    add(table, (*key, *figures), rows, key=key, order=itemgetter(*key))


def passport() -> tuple[str, ...]:
    """Where and with what."""
    return commit(), torch.__version__, machine(), datetime.date.today().isoformat()


def named(path: Path) -> tuple[str, str, str]:
    """A run's recipe, seed and data."""
    run = open_run(path)
    return run.recipe.name, str(run.recipe.seed), Path(str(run.dataset["path"])).name


def calibrated(path: Path, split: str) -> Row:
    """What one run's probabilities are worth, as they are and with a temperature fitted across halves."""
    recipe, seed, data = named(path)
    found = evaluate(path, split=split)
    predictions: Predictions = found.predictions
    before, sure = calibration(predictions), confidences(predictions)
    tempered, _ = cross_fitted(predictions)
    after, temperature = calibration(tempered), fit_temperature(predictions)
    wanted = WANTED.get(data, 0.95)
    kept = promised_threshold(sure, wanted)
    shares = (
        before.expected_error, before.expected_error_by_chance, before.expected_error_by_chance_95,
        before.overconfidence, before.expected_error_equal_mass, before.maximum_error,
    )  # fmt: skip
    values = (
        recipe, seed, data, split, found.images, f"{found.top1_error:.2f}",
        *(f"{100 * share:.2f}" for share in shares),
        f"{before.brier:.4f}", f"{before.negative_log_likelihood:.4f}",
        *(f"{value:.3f}" for value in (temperature.value, *temperature.interval)),
        f"{100 * after.expected_error:.2f}", f"{100 * after.expected_error_by_chance_95:.2f}",
        f"{after.brier:.4f}", f"{after.negative_log_likelihood:.4f}", f"{100 * wanted:g}",
        "" if kept.above is None else f"{kept.above:.4f}", f"{kept.coverage:.1f}",
        "" if kept.precision is None else f"{kept.precision:.2f}", f"{risk_coverage(sure).area:.2f}",
        *passport(),
    )  # fmt: skip
    return dict(zip((*RUN, *FIGURES, *PASSPORT), map(str, values), strict=True))


def compared(paths: Sequence[Path], split: str) -> list[Row]:
    """Each two runs on the same pictures."""
    found = compare(paths, split=split)
    rows = []
    for (one, other), pair in zip(itertools.combinations(paths, 2), found.pairs, strict=True):
        (first, first_seed, data), (second, second_seed, _) = named(one), named(other)
        values = (
            data, split, first, first_seed, second, second_seed, found.images, len(found.pairs),
            *(f"{value:.2f}" for value in (pair.difference.points, *pair.difference.interval)),
            pair.mcnemar.only_first, pair.mcnemar.only_second, f"{pair.mcnemar.p:.3g}", pair.mcnemar.test,
            f"{pair.adjusted_p:.3g}", reading(pair.noise, pair.difference.points, first, second), *passport(),
        )  # fmt: skip
        rows.append(dict(zip((*PAIR, *DIFFERENCE, *PASSPORT), map(str, values), strict=True)))
    return rows


def reading(noise: bool, points: float, first: str, second: str) -> str:
    """The difference in words, by recipes."""
    return "noise" if noise else f"{first if points > 0 else second} is better"


if __name__ == "__main__":
    main()
