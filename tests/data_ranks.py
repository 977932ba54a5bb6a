"""What test_ranks.py looks at: `python data_ranks.py PACK FOLDER` trains and answers on 1, 2 and 4 ranks.

One process imports the program, and every rank is a fork of it, so that many worlds take little time.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import torch
from ranks import over_ranks
from safetensors.torch import save_file

from alexnet.batches.order import places
from alexnet.ingredients import Average, Mix
from alexnet.networks import create, entry
from alexnet.parallel import from_all, joined, summed, world
from alexnet.problem import Problem
from alexnet.recipe import Recipe
from alexnet.schedule import Constant
from alexnet.training.batch_norm import synchronise
from alexnet.training.gradients import backward_of
from alexnet.training.held import held_whole
from alexnet.training.loop import step_seed
from alexnet.training.optimizer import optimizer_of, set_rates
from alexnet.training.targets import mixed
from alexnet.verbs import train as verb
from alexnet.verbs.evaluate import evaluate
from alexnet.verbs.index import open_index
from alexnet.verbs.predict import predict
from alexnet.verbs.probe.asked import asked_of
from alexnet.verbs.ranks import ALONE, Layout

PACK, OUT = Path(sys.argv[1]), Path(sys.argv[2])
STEPS, BATCH = 20, 9

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
NETWORKS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "dropout of maps": ("nin-cifar", 3, {"width": 0.125}),
    "dropout of the paper": ("alexnet-32", 3, {}),
    "side heads": ("googlenet-64", 3, {}),
    "batch norm": ("resnet20", 3, {}),
}


def steps_of(kind: str, dtype: torch.dtype, changes: dict[str, Any]) -> None:
    """Train on random pictures; the first rank writes weights and losses."""
    name, channels, options = NETWORKS[kind]
    side = entry(name).input[1]
    recipe = Recipe(
        name=kind,
        network=name,
        options=options,
        epochs=1,
        batch=BATCH,
        learning_rate=Constant(start=0.002),
        clip=5.0,
        **changes,
    )
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randn(STEPS, BATCH, channels, side, side, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 7, (STEPS, BATCH), generator=generator)
    with joined() as here:
        network = create(name, classes=7, channels=channels, seed=3, **options)
        network = synchronise(network, here) if recipe.sync_batch_norm else network
        network = network.to(dtype, memory_format=torch.channels_last).train()
        optimizer = optimizer_of(recipe, network)
        loss = entry(name).loss
        if recipe.mix is not None:
            loss = _mixing(loss, recipe.mix)
        backward = backward_of(held_whole(network), loss, recipe, BATCH, here)
        mine = places(BATCH, here.share, here.shares, paired=recipe.mix is not None)
        losses = []
        for step in range(3 if kind == "side heads" else STEPS):
            set_rates(optimizer, recipe, 0.0, ())
            torch.manual_seed(step_seed(0, step))
            optimizer.zero_grad()
            losses.append(backward(pictures[step, mine].to(dtype), labels[step, mine]).double())
            optimizer.step()
        if here.is_first:
            tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
            file = f"{kind}-{str(dtype)[6:]}-{'-'.join(changes)}-{here.ranks}.safetensors"
            save_file({**tensors, "losses": torch.stack(losses)}, OUT / file)


def _mixing(loss: Callable[..., torch.Tensor], mix: Mix) -> Callable[..., torch.Tensor]:
    def mixing(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        images, targets = mixed(images, labels, mix, 7)
        return loss(network, images, targets.to(images.dtype))

    return mixing


def trained(out: str, stop_after: int = 0, layout: Layout = ALONE, **changes: Any) -> None:
    """Train on the pack; where it is to stop, the last rank alone gets the wish."""
    wishes = count(1)

    @contextmanager
    def wished() -> Iterator[Callable[[], bool]]:
        last = world().rank == world().ranks - 1
        yield lambda: last and next(wishes) == stop_after

    verb.stop_wished = wished
    with suppress(KeyboardInterrupt):
        verb.train(SMALL.model_copy(update=changes), PACK, OUT / out, layout=layout)


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


def compared() -> list[Callable[[], None]]:
    """Steps on random pictures that come to the same on one rank and on two."""
    wide = torch.float64
    return [
        partial(steps_of, "dropout of maps", torch.float32, {}),
        partial(steps_of, "dropout of maps", wide, {}),
        partial(steps_of, "dropout of maps", wide, {"mix": Mix(mixup=0.4, cutmix=1.0)}),
        partial(steps_of, "dropout of the paper", wide, {"accumulate": 2}),
        partial(steps_of, "side heads", wide, {"sync_batch_norm": True}),
        partial(steps_of, "batch norm", wide, {"sync_batch_norm": True}),
    ]


def main() -> None:
    torch.set_num_threads(1)
    mean = {"average": Average(decay=0.9), "optimizer": "adamw", "learning_rate": Constant(start=0.0002)}
    codes = over_ranks(1, *compared(), partial(trained, "plain-1"), partial(trained, "mean-1", **mean))
    for ranks in (1, 2, 4):
        shutil.copytree(OUT / "plain-1", OUT / f"asked-{ranks}")
    codes += over_ranks(1, partial(answered, "asked-1"))
    codes += over_ranks(
        2,
        *compared(),
        partial(trained, "plain-2"),
        partial(trained, "mean-2", **mean),
        partial(answered, "asked-2"),
        partial(trained, "shards", 7, Layout(shard=True)),
    )
    codes += over_ranks(
        4,
        partial(trained, "plain-4"),
        partial(trained, "again-4", 7),
        partial(trained, "again-4"),
        partial(answered, "asked-4"),
        partial(trained, "moved", 7),
    )
    codes += over_ranks(1, partial(trained, "moved", 6), partial(trained, "shards"))
    codes += over_ranks(2, partial(trained, "moved"))
    (OUT / "codes.json").write_text(json.dumps({"done": codes, "lost": over_ranks(3, lost)}))


main()
