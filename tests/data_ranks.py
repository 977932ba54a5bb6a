"""What test_ranks.py looks at: `python data_ranks.py PACK FOLDER` trains and answers on 1, 2 and 4 ranks.

One process imports the program, and every rank is a fork of it, so that many worlds take little time.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint  # here once, not in every rank
import torch.distributed.fsdp
import torch.distributed.tensor
from ranks import ended, over_ranks, started
from safetensors.torch import save_file
from step_ranks import compared, of_shards

from alexnet.ingredients import Average
from alexnet.parallel import from_all, joined, summed, world
from alexnet.parallel.life import await_all
from alexnet.problem import Problem
from alexnet.recipe import Recipe
from alexnet.schedule import Constant
from alexnet.verbs import train as verb
from alexnet.verbs.evaluate import evaluate
from alexnet.verbs.index import open_index
from alexnet.verbs.predict import predict
from alexnet.verbs.probe.asked import asked_of
from alexnet.verbs.ranks import ALONE, Layout

PACK, OUT = Path(sys.argv[1]), Path(sys.argv[2])

# rates at which float32 stays near float64: a step that is too long tells rounding errors from one another
SMALL = Recipe(
    name="small",
    network="lenet",
    options={"image": 12},
    channels=1,
    pad=1,
    mean="channel",
    divide_by="deviation",
    epochs=1,
    batch=63,
    learning_rate=Constant(start=0.002),
    weight_decay=0.0005,
)


def trained(
    out: str,
    stop_after: int = 0,
    layout: Layout = ALONE,
    *,
    began: float | None = None,
    **changes: Any,
) -> verb.Trained | None:
    """Train on the pack; where it is to stop, the last rank alone gets the wish."""
    wishes = count(1)

    @contextmanager
    def wished() -> Iterator[Callable[[], bool]]:
        last = world().rank == world().ranks - 1
        yield lambda: last and next(wishes) == stop_after

    verb.stop_wished = wished
    with suppress(KeyboardInterrupt):
        recipe = SMALL.model_copy(update=changes)
        return verb.train(recipe, PACK, OUT / out, layout=layout, began=began)
    return None


def timed(out: str) -> None:
    """Train for a time whose beginning the ranks see differently."""
    rank = world().rank
    found = trained(out, began=time.monotonic() - 0.5 * rank, seconds=1.5)
    (OUT / f"{out}-{rank}.json").write_text(json.dumps(found and found.steps))


def answered(out: str) -> None:
    """Errors, scores, features and answers of a run; every rank has the same."""
    found = evaluate(OUT / out, views="mirror")
    index = open_index(asked_of(OUT / out), split="val")
    answers = predict(OUT / out, sorted((OUT / "pictures").iterdir()), top=1)
    document = {
        "errors": [found.images, found.top1_error, found.top5_error],
        "answers": [[Path(one.image).name, one.top and one.top[0][0], one.error] for one in answers],
    }
    with joined() as here:
        everywhere = from_all(document, here, what="comparing answers")
        if here.is_first:
            (OUT / f"{out}.json").write_text(json.dumps(everywhere))
            tensors = {"probabilities": found.predictions.probabilities, "features": index.features}
            save_file(
                {k: torch.as_tensor(v).contiguous() for k, v in tensors.items()}, OUT / f"{out}.safetensors"
            )


def lost() -> None:
    """The third rank dies; the others say so."""
    with joined() as here:
        if here.rank == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            summed(torch.ones(3), here, what="adding up gradients")
        except Problem as problem:
            (OUT / f"lost-{here.rank}.txt").write_text(str(problem))
        while here.is_first and not (OUT / "lost-1.txt").exists():
            time.sleep(0.1)  # without torchrun the store is in this process


def unmet() -> None:
    """The second rank dies before its first sign of life; the first says that it did not come."""
    rooms = sys.modules["alexnet.parallel.world"]

    @contextmanager
    def dying(*_: object) -> Iterator[None]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield

    if world().rank == 1:
        rooms.signs_of_life = dying
    rooms.await_all = lambda store, ranks, _: await_all(store, ranks, 3.0)
    try:
        with joined():
            pass
    except Problem as problem:
        (OUT / "unmet.txt").write_text(str(problem))


MEAN = {"average": Average(decay=0.9), "optimizer": "adamw", "learning_rate": Constant(start=0.0002)}
SHARDS = Layout(shard=True)


def main() -> None:
    torch.set_num_threads(1)
    wait_more_than_work = {"lost": started(3, lost), "unmet": started(2, unmet)}
    alone = started(1, *compared(OUT), *of_shards(OUT, shard=False))
    codes = over_ranks(1, partial(trained, "plain-1"), partial(trained, "mean-1", **MEAN)) + ended(alone)
    for ranks in (1, 2, 4):
        shutil.copytree(OUT / "plain-1", OUT / f"asked-{ranks}")
    codes += over_ranks(
        4,
        partial(trained, "plain-4"),
        partial(trained, "again-4", 7),
        partial(trained, "again-4"),
        partial(answered, "asked-4"),
        partial(trained, "moved", 7),
        partial(trained, "shards", 7, SHARDS),
        partial(trained, "mean-shards", 7, SHARDS, **MEAN),
    )
    shutil.copytree(OUT / "shards", OUT / "four-shards")
    answers = started(1, partial(answered, "asked-1"))
    codes += over_ranks(1, partial(trained, "moved", 6)) + ended(answers)
    codes += over_ranks(
        2,
        *compared(OUT),
        *of_shards(OUT, shard=True),
        partial(trained, "plain-2"),
        partial(trained, "mean-2", **MEAN),
        partial(answered, "asked-2"),
        partial(trained, "moved"),
        partial(trained, "shards", 6, SHARDS),
        partial(trained, "mean-shards", 0, SHARDS, **MEAN),
        partial(timed, "timed"),
    )
    codes += over_ranks(1, partial(trained, "shards", 4))
    codes += over_ranks(2, partial(trained, "shards", 0, SHARDS))
    ends = {name: ended(processes) for name, processes in wait_more_than_work.items()}
    (OUT / "codes.json").write_text(json.dumps({"done": codes, **ends}))


main()
