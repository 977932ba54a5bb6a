"""Write docs/evaluation.md from the tables in results; a test sees that it was run."""

import csv
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parent / "evaluation.md"
RESULTS = Path(__file__).parent.parent / "results"
DATA = {
    "cifar10": "CIFAR-10 re-encoded as JPEG, 10,000 test pictures",
    "tiny50": "50 classes of Tiny ImageNet, 2,500 validation pictures",
}
Row = dict[str, str]

INTRODUCTION = """\
# Evaluating honestly

```text
alexnet evaluate runs/pictures                                  # errors, hardest classes, confusions, calibration
alexnet evaluate runs/pictures --per-class --confusion confusion.png
alexnet evaluate runs/pictures --precision 0.95                 # when to answer, so that 95 % are right
alexnet evaluate runs/pictures --fit-temperature                # probabilities that mean what they say
alexnet compare runs/one runs/two runs/three                    # which differences are noise
alexnet learning-curve alexnet-64 --data packed/pictures --out runs/curve   # what more pictures would give
```

Errors are counts, and a tie or a score that is not a number counts against the network. Every share has a 95 % interval:
Wilson's for one share, Agresti and Min's for a difference on the same pictures. Scores are saved in the run folder, so all
of this after a first evaluation costs no pass through the network. `--json` gives all figures; they are told of in the
[reference](reference.md) at `alexnet.evaluation`.

## Classes

`--per-class` shows each class with its pictures, error, precision and F1, and their mean over classes. `--confusion FILE`
writes which class was taken for which: as a picture (.png, .svg), or as counts (.csv, .json). Right answers are blue,
wrong ones orange, each with its own scale. With `--order clusters` classes that are confused stand side by side.

![Ten classes: vgg-32 on CIFAR-10; one dog in five is taken for a cat](pictures/confusion-vgg-32.png)

![Fifty classes of Tiny ImageNet in groups of what googlenet-64 confuses, and the fourteen pairs confused most](pictures/confusion-googlenet-64.png)

## Calibration

The **expected calibration error** is how far answers given with a probability of, say, 80 % are from being right in 80 % of
the cases, in the mean over fifteen bins of equal width. Few pictures never show 0: beside it stands what it would be **by
chance**, if every probability were true, found by drawing right and wrong five hundred times. An error below what
chance reaches in one case of twenty is none that these pictures show. `--reliability FILE` draws the bins.

![resnet20-short before and after a temperature, and its errors among the surest answers](pictures/reliability-resnet20-short.png)

`--fit-temperature` divides logits by one number, fitted by the likelihood (Guo et al., 2017). It changes no answer, only how
sure it is. A temperature is never judged on the pictures that it was fitted on: they are halved by a hash of their
number, and each half is reported with what the other half fitted; or `--fit-on val --split test` takes one split for
the one and one for the other. `RUN/calibration.json` keeps the fit over all of them with its passport
([formats](formats.md)); `predict`, `serve` and `export` then use it and say so, and stop using it when the run is trained
further. In per cent:

"""
AFTER_CALIBRATION = """
What stands in brackets is the 95 % point of chance. The `maximum` of a bin, which `--json` also gives, is mostly that of a
bin with a picture or two: read it only where bins are full.

## When to answer

`--precision 0.95` looks for the probability above which 95 % of answers are right, and says how many pictures still
get one. Two thresholds are given. The first **reached** it on these pictures; it was chosen to look well on them, and in
simulation it fails on others every second time. The second is **promised**: thresholds are tried from the highest on,
each by the exact lower bound of its precision (Clopper and Pearson), up to the first that falls short. In that fixed order
the trials cost each other nothing; in simulation the promise is kept in 96 of 100 cases with 200, 800 or 3,000 pictures.
Both are given class by class too, there each a promise of its own. Of the runs above:

"""
AFTER_THRESHOLDS = """
The area is the mean error over all coverages, from the surest picture to all of them; smaller is better.

## Comparing runs

`alexnet compare` scores runs on the same pictures and refuses others. Of two runs only the pictures count that one gets
wrong and the other right: McNemar's test, exact below 25 of them and mid-p above, corrected for the number of pairs
after Holm. A difference whose corrected p is 0.05 or more is called noise. Points of top-1 error, positive where the
second run errs more:

"""
AFTER_COMPARISONS = """
Such a test is of two trained networks, not of two recipes: another seed is another network. The two trainings of
`alexnet-2012-64` differ by nothing but their seed, and the difference is noise, as it should be; `alexnet ablate` adds the
chance between seeds to that between pictures ([ablations](ablations.md)).

## More pictures

`alexnet learning-curve` trains the same recipe on shares of each class's training pictures, each share part of the next,
and evaluates all on the same held-out pictures. A power law is fitted over the shares and carried on to twice the
pictures; that point is dashed, bears the interval of the fit, and is called extrapolated wherever it appears, for nothing
says that the law goes on; where the points lie on no such law, that is said too. Epochs are the recipe's, so fewer
pictures are fewer steps: a share that has only begun to learn needs more epochs. The share is a field of the recipe
(`--set train_share=0.25`), so each run can be gone on with or evaluated by itself; means and deviations are those of all
training pictures. Here the demo's network on scikit-learn's digits, 12 epochs of batches of 16, 359 pictures held out:

![Error by training pictures, a power law through four sizes and what it says of twice as many](pictures/learning-curve-digits.png)

## How these figures are held

Tests compare the confusion matrix, precision, recall and F1 with scikit-learn's and torchmetrics', the calibration error
with torchmetrics', the Brier score, the log loss and the reliability table with scikit-learn's, McNemar's test with all
ways in which the pictures could have fallen. Intervals are held to their nominal coverage by simulation, a known temperature
is found again, and properties hold for whatever hypothesis draws: no temperature changes an answer, rows of the matrix
add up. One difference is meant: a probability of exactly 1 lies in the last bin, torchmetrics gives it a bin of its own.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page's text."""
    runs, pairs = rows("calibration.csv"), rows("comparisons.csv")
    parts = (
        INTRODUCTION, *calibrations(runs), AFTER_CALIBRATION, *thresholds(runs), AFTER_THRESHOLDS,
        *comparisons(pairs), *origin([*runs, *pairs]), AFTER_COMPARISONS,
    )  # fmt: skip
    return "".join(parts)


def rows(name: str) -> list[Row]:
    """A table of results."""
    with (RESULTS / name).open(newline="") as file:
        return list(csv.DictReader(file))


def named(row: Row) -> str:
    """A run of a data set, by recipe."""
    seed = "" if row["run_seed"] == "0" else f", seed {row['run_seed']}"
    return f"`{row['recipe']}`{seed}"


def ordered(runs: list[Row]) -> list[Row]:
    """By data, the least wrong first."""
    return sorted(runs, key=lambda row: (row["data"], float(row["top1"])))


def calibrations(runs: list[Row]) -> Iterator[str]:
    """Calibration before and after."""
    yield "| run | pictures | top-1 error | calibration error | by chance | temperature, 95 % | after it |\n"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n"
    for row in ordered(runs):
        yield (
            f"| {named(row)} | {DATA[row['data']].partition(',')[0]} | {row['top1']} | {row['error']} | "
            f"{row['by_chance']} ({row['by_chance_95']}) | {row['temperature']} "
            f"({row['temperature_low']} … {row['temperature_high']}) | "
            f"{row['error_after']} ({row['by_chance_95_after']}) |\n"
        )
    yield "\n" + reading(runs)


def reading(runs: list[Row]) -> str:
    """What the table says, from its own numbers."""
    worse = [row for row in runs if float(row["error"]) > float(row["by_chance_95"])]
    mended = [row for row in worse if float(row["error_after"]) <= float(row["by_chance_95_after"])]
    rest = [row for row in worse if row not in mended]
    sure = [row for row in worse if float(row["overconfidence"]) > 0]
    words = (
        f"{len(worse)} of these {len(runs)} runs show an error beyond chance ({len(sure)} too sure, "
        f"{len(worse) - len(sure)} not sure enough); a temperature brings {len(mended)} of them within chance"
    )
    left = (
        f", and not {' or '.join(named(row) for row in rest)}: one number does not mend every shape"
        if rest
        else ""
    )
    return f"{words}{left}. Where there was no error to see, it mends nothing.\n"


def thresholds(runs: list[Row]) -> Iterator[str]:
    """Promised thresholds and areas."""
    yield "| run | promised precision | answer above | of all pictures | right among them | area under risk and coverage |\n"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |\n"
    for row in ordered(runs):
        yield (
            f"| {named(row)} | {row['wanted']} % | {row['above'] or '–'} | {row['coverage']} % | "
            f"{row['precision'] or '–'} % | {row['risk_coverage_area']} % |\n"
        )


def comparisons(pairs: list[Row]) -> Iterator[str]:
    """All pairs, those that are nearest first."""
    yield "| first | second | points, 95 % | only first wrong | only second wrong | p, Holm's | reading |\n"
    yield "| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
    for row in sorted(pairs, key=lambda row: (row["data"], abs(float(row["points"])))):
        first, second = (
            named({"recipe": row[one], "run_seed": row[f"{one}_seed"]}) for one in ("first", "second")
        )
        value = float(row["adjusted_p"])
        told = "< 0.0001" if value < 1e-4 else f"{value:.4f}"
        points = f"{float(row['points']):+.2f} ({float(row['low']):+.2f} … {float(row['high']):+.2f})"
        yield (
            f"| {first} | {second} | {points} | {row['only_first']} | {row['only_second']} | {told} | "
            f"{row['reading']} |\n"
        )


def origin(table: list[Row]) -> Iterator[str]:
    """Where, when and with what all of it was measured."""
    told = {name: ", ".join(sorted({row[name] for row in table})) for name in ("commit", "torch", "date")}
    yield f"\nAt commit {told['commit']}, torch {told['torch']}, {told['date']}; on {'; '.join(DATA.values())}.\n"


if __name__ == "__main__":
    main()
