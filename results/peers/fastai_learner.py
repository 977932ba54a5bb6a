"""Fastai's `vision_learner` from scratch: ResNet-18, its transforms, the rate it finds, one cycle.

Run: python fastai_learner.py PICTURES --minutes 10 --seed 0
"""

from asked import answer, asked, spent  # isort: skip  (first: its clock starts here)

import time

from fastai.vision.all import (
    Callback,
    CancelFitException,
    ImageDataLoaders,
    ProgressCallback,
    Resize,
    aug_transforms,
    error_rate,
    resnet18,
    set_seed,
    vision_learner,
)

BATCH = 64
SHORT = 300  # seconds of a trial
SAFETY = 1.03  # the last epochs are often slower than the first steps


class Until(Callback):
    """Ends a training whose time is over, should its epochs have been planned too long."""

    def __init__(self, over: float) -> None:
        self.over = over

    def after_batch(self) -> None:
        """Look at the clock."""
        if time.monotonic() > self.over:
            raise CancelFitException


def main() -> None:
    """Find a rate, see what a step costs, fit as many epochs as there is time for."""
    wish = asked("fastai")
    set_seed(wish.seed)
    pictures = ImageDataLoaders.from_folder(
        wish.pictures,
        train="train",
        valid="val",
        item_tfms=Resize(wish.side),
        batch_tfms=aug_transforms(size=wish.side),
        bs=BATCH,
    )
    learner = vision_learner(pictures, resnet18, pretrained=False, metrics=error_rate)
    learner.remove_cb(ProgressCallback)
    began = time.monotonic()
    steps = 100 if wish.seconds >= SHORT else 30  # a hundred is its default
    rate = learner.lr_find(num_it=steps, show_plot=False).valley  # taken back afterwards
    step = (time.monotonic() - began) / steps
    each = step * (len(pictures.train) + len(pictures.valid) / 3)
    epochs = max(1, int(wish.left() / (SAFETY * each)))
    end = time.monotonic() + wish.left()
    learner.fit_one_cycle(epochs, rate, cbs=Until(end))
    errors = [100.0 * row[-1] for row in learner.recorder.values]
    seconds = spent()
    errors.append(100.0 * float(learner.validate()[1]))
    answer("fastai", ["fastai", "torch"], seconds, len(errors) - 1, errors)


if __name__ == "__main__":
    main()
