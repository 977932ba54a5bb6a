"""Training against validation, and what the two say of over- and under-fitting, by written rules.

The training loss is the mean over the epoch, with dropout and crops, while the weights changed; validation
comes after it and without them. So the training loss may lie above the validation loss of a sound run.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alexnet.probing.drawing import BLUE, GREY, LIGHT, ORANGE, bare, figure_of, grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Line = Mapping[str, Any]
BEGUN = 0.05  # what the training loss must fall below the guess of all classes, as a share of it
RISEN = 0.03  # what the validation loss must rise above its least, as a share of it
APART = 0.25  # what the validation loss must stand above the training loss, as a share of it
FALLING = 0.01  # what the training loss must still fall an epoch, as a share of it
HIGH = 0.30  # training loss, as a share of the guess's: above it much is left to learn


@dataclass(frozen=True)
class Diagnosis:
    """What the curves say: a word for programs, a sentence for people."""

    finding: str  # not-learning, over-fitting, gap, unfinished, under-fitting, sound, unknown
    words: str


def diagnose(epochs: Sequence[Line], classes: int, *, heads: float = 1.0) -> list[Diagnosis]:
    """Findings from the log's epoch lines, the gravest first; never empty.

    `heads` is the weight of all heads in the training loss, by which it is divided: 1.6 in GoogLeNet's.

    - not-learning: the training loss is not 5 % below ln(classes), what equal guesses cost. Nothing else.
    - over-fitting: the validation loss is 3 % above its least, which an earlier epoch had, and the training
      loss fell since.
    - gap: without that, the validation loss is 25 % above the training loss.
    - unfinished: the training loss still falls by 1 % an epoch over the last quarter, and not over-fitting.
    - under-fitting: it does not, stands above 30 % of ln(classes), and validation is no gap above it.
    - sound: none of these.
    - unknown: there is no validation loss to compare with, besides what the training loss says alone.
    """
    losses = [float(line["training_loss"]) / heads for line in epochs]
    guess = math.log(classes) if classes > 1 else 1.0
    if losses[-1] > (1 - BEGUN) * guess:
        return [Diagnosis("not-learning", _not_learning(losses[-1], guess))]
    held = [float(line["validation_loss"]) for line in epochs if "validation_loss" in line]
    compared = _compared(losses, held) if len(held) == len(losses) else _unknown()
    over = any(one.finding == "over-fitting" for one in compared)
    apart = any(one.finding == "gap" for one in compared)
    alone = [] if over else _alone(losses, guess, apart=apart)
    return [*compared, *alone] or [_sound()]


def _not_learning(loss: float, guess: float) -> str:
    return (
        f"has not begun to learn: the training loss is {loss:.2f}, equal guesses cost {guess:.2f}. "
        "Try more epochs, another learning rate, or look for faults in the data with `alexnet doctor`."
    )


def _compared(losses: Sequence[float], held: Sequence[float]) -> list[Diagnosis]:
    best = min(range(len(held)), key=lambda epoch: held[epoch])
    if held[-1] > (1 + RISEN) * held[best] and losses[-1] < losses[best]:
        return [
            Diagnosis(
                "over-fitting",
                f"over-fits since epoch {best + 1}: there the validation loss was {held[best]:.2f}, it is "
                f"{held[-1]:.2f} now, while the training loss fell from {losses[best]:.2f} to "
                f"{losses[-1]:.2f}. "
                "Try fewer epochs, more pictures or augmentation, dropout, or weight decay.",
            )
        ]
    if held[-1] > (1 + APART) * losses[-1]:
        return [
            Diagnosis(
                "gap",
                f"learns more than holds on other pictures: the validation loss is {held[-1]:.2f}, the "
                f"training loss {losses[-1]:.2f}; but it does not rise yet. More pictures or augmentation "
                "would help most.",
            )
        ]
    return []


def _unknown() -> list[Diagnosis]:
    return [
        Diagnosis(
            "unknown",
            "no validation loss was logged, so over-fitting cannot be seen; prepare the data with "
            "--val-fraction, or evaluate on a split that was not trained on.",
        )
    ]


def _alone(losses: Sequence[float], guess: float, *, apart: bool) -> list[Diagnosis]:
    fall = falling(losses)
    if fall >= FALLING:
        return [
            Diagnosis(
                "unfinished",
                f"not finished: the training loss still falls by {100 * fall:.1f} % an epoch at the end. "
                "More epochs would help.",
            )
        ]
    if len(losses) > 1 and not apart and losses[-1] > HIGH * guess:
        return [
            Diagnosis(
                "under-fitting",
                f"under-fits: the training loss no longer falls and stands at {losses[-1]:.2f} of the "
                f"{guess:.2f} of equal guesses, and validation is no worse. Try a larger network, less "
                "dropout, decay or augmentation, or another learning rate.",
            )
        ]
    return []


def _sound() -> Diagnosis:
    return Diagnosis("sound", "sound: neither over- nor under-fitting by these rules.")


def falling(losses: Sequence[float]) -> float:
    """By which share the loss falls an epoch over the last quarter of the epochs; 0 of a single epoch.

    >>> round(falling([4.0, 2.0, 1.0]), 2), falling([1.0])
    (0.5, 0.0)
    """
    steps = max(1, len(losses) // 4)
    if len(losses) < 2 or losses[-1 - steps] <= 0:
        return 0.0
    return float(1 - (max(losses[-1], 0.0) / losses[-1 - steps]) ** (1 / steps))


def curve_figure(
    title: str, lines: Sequence[Line], says: Sequence[Diagnosis], *, heads: float = 1.0
) -> "Figure":
    """Draw losses, a head's share of them, and errors where they were measured, from the lines of a log."""
    lines = [{name: _share(name, value, heads) for name, value in line.items()} for line in lines]
    epochs = [line for line in lines if "training_loss" in line]
    measured = [line for line in epochs if "top1_error" in line]
    figure = figure_of(title, 10 if measured else 7, 4.1)
    axes = grid(figure, 1, 2 if measured else 1)[0]
    steps = [line for line in lines if "loss" in line]
    axes[0].plot(*_points(steps, "loss"), color=LIGHT, lw=1, label="training, as it went")
    axes[0].plot(*_points(epochs, "training_loss"), color=BLUE, lw=1.6, marker="o", ms=3, label="training")
    if measured:
        held = _points(measured, "validation_loss")
        axes[0].plot(*held, color=ORANGE, lw=1.6, marker="s", ms=3, label="validation")
        axes[1].plot(*_points(measured, "top1_error"), color=ORANGE, lw=1.6, marker="s", ms=3, label="top-1")
        axes[1].plot(*_points(measured, "top5_error"), color=ORANGE, lw=1.2, ls="--", label="top-5")
        axes[1].set_ylim(bottom=0)
        axes[1].set_ylabel("validation error, %", fontsize=9, color=GREY)
    axes[0].set_ylabel("loss, nats", fontsize=9, color=GREY)
    axes[0].set_ylim(bottom=0)
    for axis in axes:
        axis.set_xlabel("epoch", fontsize=9, color=GREY)
        axis.set_xlim(left=0)
        axis.legend(frameon=False, fontsize=9)
        bare(axis)
    figure.supxlabel("\n".join(_wrapped(one.words) for one in says), x=0.01, ha="left", fontsize=9)
    return figure


def _share(name: str, value: Any, heads: float) -> Any:
    return value / heads if name in ("loss", "training_loss") else value


def _wrapped(words: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(words, 125))


def _points(lines: Sequence[Line], name: str) -> tuple[list[float], list[float]]:
    having = [line for line in lines if name in line]
    return [line["epoch"] for line in having], [line[name] for line in having]
