"""Where a training stands: put together from a checkpoint, written into one, and validated on the way."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

from alexnet.batches.loader import evaluation_batches
from alexnet.batches.preprocessing import Preprocessing
from alexnet.batches.views import evaluation_views
from alexnet.dataset.packed import Packed
from alexnet.evaluation.predictions import predict
from alexnet.parallel import World, meet
from alexnet.run import Checkpoint, Run, load_weights, transfer_weights
from alexnet.training.averaging import Averaged
from alexnet.training.held import Held
from alexnet.training.loop import State, optimizer_tensors, restore_optimizer
from alexnet.verbs.lesson import whiten_first
from alexnet.verbs.ranks import ALONE, Layout, share_buffers, share_of, together
from alexnet.verbs.starting import Start, require_same, start_of


def begun(
    run: Run, network: nn.Module, start: Start | None, packed: Packed, layout: Layout = ALONE
) -> Checkpoint | None:
    """Give `network` the weights of the newest checkpoint, which is returned, or those to start from.

    Ranks that share the weights out read theirs later, each its own, where they were saved so.
    """
    checkpoint = run.checkpoint()
    if checkpoint is not None and layout.shard and checkpoint.stored("weights").is_dir():
        return checkpoint
    if checkpoint is not None:
        load_weights(network, checkpoint.weights(), str(checkpoint.path))
    elif run.init:
        start = start or start_of(run.init["path"])
        require_same(run, run.recipe, start)
        transfer_weights(network, start.weights, str(start.path))
    else:
        whiten_first(run, network, packed.split("train"))
    return checkpoint


def restored(
    checkpoint: Checkpoint | None,
    holding: Held,
    optimizer: torch.optim.Optimizer,
    averaged: Averaged | None,
) -> State:
    """Put the optimizer and the average where the checkpoint left them, or where they start."""
    if checkpoint is None:
        if averaged:
            averaged.begin()
        return State()
    tensors = _own(checkpoint, "optimizer", holding)
    restore_optimizer(optimizer, tensors)
    if averaged:
        averaged.restore(_own(checkpoint, "weights", holding), tensors)
    elif holding.sharded:
        load_weights(holding.network, _own(checkpoint, "weights", holding), str(checkpoint.path))
    return State(**checkpoint.state)


def _own(checkpoint: Checkpoint, kind: Literal["weights", "optimizer"], holding: Held) -> dict[str, Tensor]:
    """What this rank holds of a checkpoint's weights or of its optimizer's tensors."""
    stored = checkpoint.stored(kind)
    if holding.read and stored.is_dir():
        return holding.read(stored)
    return holding.own(checkpoint.weights() if kind == "weights" else checkpoint.optimizer())


def save(
    run: Run,
    holding: Held,
    optimizer: torch.optim.Optimizer,
    averaged: Averaged | None,
    here: World,
    state: State,
) -> None:
    """Write a checkpoint; where weights are averaged, the average is what it holds as the network's."""
    weights = averaged.tensors if averaged else holding.network.state_dict()
    tensors = optimizer_tensors(optimizer) | (averaged.state() if averaged else {})
    if holding.sharded:
        run.save_shards(weights, tensors, state.document(), steps=state.steps, here=here)
    else:
        weights, tensors = holding.whole(weights), holding.whole(tensors)
        if here.is_first:
            run.save(weights, tensors, state.document(), steps=state.steps)
    meet(here, what="saving a checkpoint")


def nothing(steps: int, share: float) -> None:
    """What is done after a step where weights are not averaged."""


def validate(
    network: nn.Module,
    packed: Packed,
    preprocessing: Preprocessing,
    workers: int,
    averaged: Averaged | None,
    here: World,
) -> Mapping[str, float]:
    """Errors and loss on the validation split, centre view; nothing where there is none."""
    if "val" not in packed.splits:
        return {}
    split = packed.split("val")
    (view,) = evaluation_views("center", preprocessing.size, preprocessing.crop)
    share = share_of(len(split), here)
    batches = evaluation_batches(split, preprocessing, view, workers=workers, share=share)
    with averaged.put() if averaged else nullcontext():
        share_buffers(network, here)
        mine = predict(network.eval(), [batches], torch.tensor(split.labels))
    predictions = together(mine, here, share)
    errors = predictions.errors()
    return {
        "validation_loss": predictions.loss(),
        "top1_error": errors.top1_error,
        "top5_error": errors.top5_error,
    }
