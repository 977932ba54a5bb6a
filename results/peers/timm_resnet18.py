"""Timm's ResNet-18 from scratch, by the documented recipe of its training script for a network of this kind.

Run: python timm_resnet18.py PICTURES --minutes 10 --seed 0
Source: timm's documentation, "Training script": SE-ResNet-34 with `--sched cosine --epochs 150
--warmup-epochs 5 --lr 0.4 --reprob 0.5 --remode pixel --batch-size 256 --amp` on four devices, so a rate of
0.1 for 256 pictures; what it leaves open is the default of the script. The script is not in the package: this
takes the loaders, losses, optimizers and schedules of the package in its order.
"""

from asked import Asked, answer, asked, spent  # isort: skip  (first: its clock starts here)

import time
from collections.abc import Iterable

import timm
import torch
from timm.data import create_dataset, create_loader, resolve_data_config
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from torch import Tensor, nn

BATCH = 128
RATE = 0.1 * BATCH / 256
WARM_UP = 5  # epochs of
EPOCHS = 150
TIMED, SHARE = 12, 0.02  # steps of which the pace is taken, or so much of the time
SAFETY = 1.03


def main() -> None:
    """See what a step costs, plan as many epochs as there is time for, train, validate after each."""
    wish = asked("timm")
    torch.manual_seed(wish.seed)
    network = timm.create_model("resnet18", pretrained=False, num_classes=wish.classes())
    shape = resolve_data_config({"input_size": (3, wish.side, wish.side), "crop_pct": 1.0}, model=network)
    train, val = loader(wish, "train", shape), loader(wish, "val", shape)
    loss = LabelSmoothingCrossEntropy(0.1)
    most = SHARE * wish.seconds
    each = pace(network, loss, train, most) * len(train) + pace(network, None, val, most) * len(val)
    epochs = max(1, int(wish.left() / (SAFETY * each)))
    warm = max(1, round(WARM_UP * epochs / EPOCHS)) if epochs > 1 else 0
    optimizer = create_optimizer_v2(network, opt="sgd", lr=RATE, weight_decay=2e-5, momentum=0.9)
    schedule, _ = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=epochs,
        warmup_epochs=warm,
        warmup_lr=1e-5,
        step_on_epochs=False,
        updates_per_epoch=len(train),
    )
    errors, steps = [], 0
    for _ in range(epochs):
        network.train()
        for images, labels in train:
            if wish.left() < 0:
                break
            step(network, loss, optimizer, images, labels)
            steps += 1
            schedule.step_update(num_updates=steps)
        if wish.left() < 0:
            break
        errors.append(error(network, val))
    seconds = spent()
    errors.append(error(network, val))
    answer("timm", ["timm", "torch"], seconds, steps / len(train), errors)


def loader(wish: Asked, split: str, shape: dict[str, object]) -> Iterable[tuple[Tensor, Tensor]]:
    """The script's own loader: random windows and colours, half of the pictures erased in part."""
    training = split == "train"
    return create_loader(
        create_dataset("", root=str(wish.pictures / split), split=split, is_training=training),
        input_size=shape["input_size"],
        batch_size=BATCH,
        is_training=training,
        use_prefetcher=False,
        re_prob=0.5 if training else 0.0,
        re_mode="pixel",
        color_jitter=0.4,
        interpolation="random" if training else shape["interpolation"],
        mean=shape["mean"],
        std=shape["std"],
        num_workers=2,
        crop_pct=1.0,
        device=torch.device("cpu"),
        persistent_workers=True,
    )


def step(
    network: nn.Module, loss: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor
) -> None:
    """One update."""
    with amp():
        value = loss(network(images), labels)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()


def amp() -> torch.autocast:
    """The recipe's `--amp`, in the type that this processor has units for, if any."""
    units = torch.cpu.get_capabilities().get("amx_bf16", False)
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(units))


def pace(
    network: nn.Module, loss: nn.Module | None, batches: Iterable[tuple[Tensor, Tensor]], most: float
) -> float:
    """Seconds of a step (without its update), or of an answer; the network stays as it is."""
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    network.train(loss is not None)
    began = time.monotonic()
    for number, (images, labels) in enumerate(batches, 1):
        with torch.set_grad_enabled(loss is not None), amp():
            scores = network(images)
        if loss is not None:
            loss(scores, labels).backward()
        if number == 1:  # the workers start
            began = time.monotonic()
        if number > TIMED or (number > 1 and time.monotonic() - began > most):
            break
    network.load_state_dict(kept)
    network.zero_grad()
    return (time.monotonic() - began) / max(number - 1, 1)


@torch.inference_mode()
def error(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Top-1 error in per cent."""
    network.eval()
    with amp():
        right = [(network(images).argmax(1) == labels).float() for images, labels in batches]
    return 100.0 * (1.0 - float(torch.cat(right).mean()))


if __name__ == "__main__":
    main()
