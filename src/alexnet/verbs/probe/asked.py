"""What every probe is asked with, and how what it found is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from alexnet.batches.loader import evaluation_batches
from alexnet.batches.views import evaluation_views
from alexnet.dataset.packed import Packed, Split, open_packed
from alexnet.files import write_json
from alexnet.probing.sheets import PIXELS, save_figure
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Checkpoint, Run, open_run
from alexnet.serving.answering import answering
from alexnet.verbs.devices import device_of
from alexnet.verbs.scores import data_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Probed:
    """What a probe found: sentences for people, numbers for programs, and the files that hold them."""

    probe: str
    run: str
    words: list[str]
    numbers: dict[str, Any]
    files: list[str]  # PNG, SVG, JSON

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """A run and what holds for every probe of it."""

    run: Run
    things: tuple[str, ...]  # pictures, or further runs
    out: Path
    device: torch.device
    data: str | None = None  # the pack; None is the one of training
    words: Mapping[str, str] = field(default_factory=dict)  # for classes that are named by numbers
    progress: Progress = silent

    @cached_property
    def network(self) -> nn.Module:
        """The newest weights, in evaluation mode."""
        with torch.inference_mode(False):  # wherever it is first asked for: weights that gradients pass
            return answering(self.run, self.device)

    @property
    def image(self) -> tuple[int, int, int]:
        """What the network reads of one picture: [C, H, W]."""
        return (self.run.preprocessing.channels, self.run.preprocessing.crop, self.run.preprocessing.crop)

    @cached_property
    def packed(self) -> Packed:
        """The pack, whose pictures must be as large as those that the run was trained on."""
        packed, wanted = open_packed(self.data or data_of(self.run)), self.run.preprocessing
        if (packed.size, packed.fit) != (wanted.size, wanted.fit):
            raise Problem(
                f"{self.run.path} reads pictures of {wanted.size} pixels, fit {wanted.fit}; {packed.path} "
                f"has {packed.size}, fit {packed.fit}; prepare it with "
                f"--size {wanted.size} --fit {wanted.fit}"
            )
        return packed

    def other(self, path: str) -> "Asked":
        """The same question to another run."""
        return Asked(open_run(path), (), self.out, self.device, self.data, self.words, self.progress)

    def further_runs(self) -> list["Asked"]:
        """This run, and those named behind the probe."""
        return [self, *(self.other(path) for path in self.things)]

    def class_named(self, label: int) -> str:
        """The name of a class for people."""
        name = self.run.classes[label]
        return self.words.get(name, name)

    def views(self, pictures: PIXELS) -> PIXELS:
        """The centre view of prepared pictures [N, size, size, 3]: [N, crop, crop, 3]."""
        (view,) = evaluation_views("center", self.run.preprocessing.size, self.run.preprocessing.crop)
        crop = self.run.preprocessing.crop
        return pictures[:, view.row : view.row + crop, view.column : view.column + crop]

    def inputs(self, pictures: PIXELS) -> Tensor:
        """What the network reads of prepared pictures [N, size, size, 3], centre view: [N, C, crop, crop]."""
        views = torch.from_numpy(np.ascontiguousarray(self.views(pictures))).to(self.device)
        return self.run.preprocessing.to(self.device)(views)

    def batches(self, split: Split, share: tuple[int, int] = (0, 1)) -> Iterator[Tensor]:
        """What the network reads of every picture of a split, or of one share of it, in order."""
        (view,) = evaluation_views("center", self.run.preprocessing.size, self.run.preprocessing.crop)
        return evaluation_batches(split, self.run.preprocessing.to(self.device), view, batch=128, share=share)

    def keep(
        self, probe: str, figure: "Figure", *, words: Sequence[str], numbers: dict[str, Any], of: str = ""
    ) -> Probed:
        """Write PROBE.png, .svg and .json into `out`, each whole; `of` tells several of a probe apart."""
        stem = "-".join(part for part in (probe, of) if part)
        files = [self.out / f"{stem}.{kind}" for kind in ("png", "svg", "json")]
        for path in files[:2]:
            save_figure(figure, path)
            figure.set_layout_engine("none")  # everything has found its place
        probed = Probed(probe, str(self.run.path), list(words), numbers, [str(path) for path in files])
        write_json(files[2], probed.document())
        return probed


def asked_of(
    run: str | Path | Run,
    things: Sequence[str | Path] = (),
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    words: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Asked:
    """What is asked of a run, as people say it: `words` is a file that names classes."""
    opened = run if isinstance(run, Run) else open_run(run)
    return Asked(
        opened,
        tuple(map(str, things)),
        Path(out) if out is not None else opened.path / "probes",
        device_of(device),
        None if data is None else str(data),
        read_words(words),
        progress,
    )


def no_things(asked: Asked, probe: str) -> None:
    """Refuse pictures and runs behind a probe that takes none."""
    if asked.things:
        raise UsageProblem(f"{probe} takes neither pictures nor further runs, so not {asked.things[0]}")


def moments(asked: Asked) -> Iterator[tuple[str, nn.Module]]:
    """The network as it was before its first step, and at every checkpoint that the run kept."""
    run = asked.run
    if run.init is None:
        yield "before training", run.build().eval()
    for checkpoint in kept_checkpoints(run):
        yield f"after {checkpoint.state['steps']:,} steps", run.network(checkpoint)


def kept_checkpoints(run: Run) -> list[Checkpoint]:
    """Every whole checkpoint of a run, oldest first; a training keeps its newest."""
    found = run.checkpoints()
    if not found:
        raise Problem(f"{run.path} holds no weights yet; repeat its `alexnet train` command")
    return found


def read_words(path: Path | str | None) -> dict[str, str]:
    """Names for classes: a line each, the class, a tab, its name, as in ImageNet's words.txt."""
    if path is None:
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"cannot read the names of classes in {path}: {error}") from None
    parts = [line.partition("\t") for line in lines if line.strip()]
    if not parts or not all(tab for _, tab, _ in parts):
        raise Problem(f"{path} does not hold a class, a tab and its name on every line")
    return {name: words.strip() for name, _, words in parts}
