"""The log of a training: a JSON document a line, and the same to TensorBoard where it is installed."""

import json
from pathlib import Path
from typing import Any


class MetricsLog:
    """Appends lines to `metrics.jsonl`; what stands past `noted` bytes is of steps that are taken again."""

    def __init__(self, path: Path, noted: int, *, tensorboard: bool = False) -> None:
        self.file = path.open("r+b")
        self.file.truncate(noted)
        self.file.seek(noted)
        self.board = _tensorboard(path.parent / "tensorboard") if tensorboard else None

    def __call__(self, line: dict[str, Any]) -> int:
        """Write one line; returns the length of the log in bytes."""
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()
        if self.board is not None:
            layers = {f"gradients/{name}": norm for name, norm in line.get("gradients", {}).items()}
            for name, value in {**line, **layers}.items():
                if isinstance(value, float) and name != "epoch":
                    self.board.add_scalar(name, value, line["step"])
        return self.file.tell()

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        if self.board is not None:
            self.board.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a log; a last line that a kill cut short is left out."""
    lines = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1] if line]


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
