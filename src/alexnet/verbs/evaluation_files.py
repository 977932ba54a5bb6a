"""What an evaluation is drawn or written as: the confusion matrix, and reliability."""

from pathlib import Path

import numpy as np

from alexnet.evaluation.calibration import calibration, confidences
from alexnet.evaluation.confusion import Matrix, clustered, confusion_matrix
from alexnet.evaluation.temperature import cross_fitted
from alexnet.evaluation.thresholds import risk_coverage
from alexnet.files import write_json, written_whole
from alexnet.probing.confusion_figure import confusion_figure
from alexnet.probing.reliability_figure import reliability_figure
from alexnet.probing.sheets import save_figure
from alexnet.problem import UsageProblem
from alexnet.verbs.evaluate import Evaluation

ORDERS = ("given", "clusters")
DRAWN = (".png", ".svg")


def save_confusion(found: Evaluation, path: str | Path, *, order: str = "given") -> None:
    """Write the confusion matrix by the ending of `path`: .png and .svg are drawn, .csv and .json are counts.

    Classes stand in their own order, or with `order` "clusters" those that are confused beside each other.
    """
    path = Path(path)
    require_ending(path, (*DRAWN, ".csv", ".json"))
    if order not in ORDERS:
        raise UsageProblem(f"no order {order!r} of classes; there are {', '.join(ORDERS)}")
    matrix = confusion_matrix(found.predictions)
    places = clustered(matrix) if order == "clusters" else list(range(len(matrix)))
    names = [found.classes[place] for place in places]
    cells = matrix[np.ix_(places, places)]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in DRAWN:
        save_figure(confusion_figure(title(found), matrix, found.classes, order=places), path)
    elif path.suffix == ".csv":
        _write_table(cells, names, path)
    else:
        rows = {"classes": names, "images": found.images, "split": found.split, "counts": cells.tolist()}
        write_json(path, rows)


def save_reliability(found: Evaluation, path: str | Path) -> None:
    """Draw reliability as it is and with a temperature fitted across halves, and risk by coverage."""
    path = Path(path)
    require_ending(path, DRAWN)
    sure = confidences(found.predictions)
    measured = [("as it is", calibration(found.predictions))]
    if found.images >= 20:
        tempered, (first, second) = cross_fitted(found.predictions)
        words = f"temperature {first.value:.2f}, {second.value:.2f} (each half by the other's)"
        measured.append((words, calibration(tempered)))
    save_figure(reliability_figure(title(found), measured, risk_coverage(sure)), path)


def title(found: Evaluation) -> str:
    """What the evaluation is of, in a line."""
    names = [Path(run).name for run in found.runs]
    told = " + ".join(names) if len(names) < 4 else f"{len(names)} runs averaged"
    return f"{told}: {found.images:,} pictures of {found.split}, {100 - found.top1_error:.1f} % right"


def require_ending(path: Path, endings: tuple[str, ...]) -> None:
    """Refuse a file whose ending says nothing of how to write it."""
    if path.suffix not in endings:
        raise UsageProblem(f"{path} should end in {', '.join(endings)}")


def _write_table(cells: Matrix, names: list[str], path: Path) -> None:
    """A row a right class, a column an answer, as spreadsheets read it."""
    import csv

    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["right class", *names])
        writer.writerows([name, *row] for name, row in zip(names, cells.tolist(), strict=True))
