"""Ultralytics' `yolo classify train` from scratch: its smallest classifier, its own defaults, its own `time`.

Run: python yolo.py PICTURES --minutes 10 --seed 0
"""

from asked import answer, asked, spent  # isort: skip  (first: its clock starts here)

import tempfile
from pathlib import Path

from ultralytics import YOLO, settings

MODEL = "yolo26n-cls.yaml"  # the default of `yolo classify train`
START = 8.0  # seconds that it takes to end after its time is over: one more validation of its best weights


def main() -> None:
    """Train for the time, then validate the weights it keeps as its best."""
    wish = asked("yolo classify train")
    settings.update({"sync": False})
    errors: list[float] = []
    network = YOLO(MODEL)
    network.add_callback(
        "on_fit_epoch_end",
        lambda trainer: errors.append(100.0 * (1.0 - trainer.metrics["metrics/accuracy_top1"])),
    )
    with tempfile.TemporaryDirectory() as folder:
        network.train(
            data=str(wish.pictures),
            imgsz=wish.side,
            time=(wish.left() - START) / 3600.0,
            pretrained=False,
            seed=wish.seed,
            device="cpu",
            workers=2,
            plots=False,
            verbose=False,
            project=folder,
            name="run",
        )
        seconds = spent()
        best = YOLO(str(Path(folder) / "run" / "weights" / "best.pt"))
        found = best.val(data=str(wish.pictures), imgsz=wish.side, device="cpu", plots=False, verbose=False)
    final = 100.0 * (1.0 - float(found.top1))
    answer("ultralytics", ["ultralytics", "torch"], seconds, len(errors), [*errors, final])


if __name__ == "__main__":
    main()
