"""Write the made parts of docs/networks.md, and the file that `alexnet networks` reads; `make zoo` runs it.

What stands between `<!-- made: NAME -->` and `<!-- end -->` is made here, all else is written by hand.
"""

import contextlib
import importlib
import io
import os
import re
from pathlib import Path
from typing import Any
from unittest import mock

from alexnet.cli import zoo
from alexnet.cli.figures import NONE, exact, megabytes, percent, sized
from alexnet.verbs.networks import counted, networks
from alexnet.verbs.zoo import keep, kept

PAGE = Path(__file__).parent / "networks.md"
FAMILIES = {
    "googlenet": "GoogLeNet",
    "vgg": "VGG",
    "nin": "Network in network",
    "bn_inception": "BN-Inception",
    "inception_v3": "Inception v3",
    "inception_v4": "Inception-v4",
    "inception_resnet_v2": "Inception-ResNet-v2",
    "resnet": "ResNet",
}
SIDES = {
    "alexnet-lenet": ("alexnet", "lenet"),
    "inception-plain": ("googlenet.inception3a", "3x3", "5x5"),
    "first-dense": ("vgg16.fc6", "alexnet.fc6", "lenet.fc5"),
}


def main() -> None:
    """Count all networks where that is due, then write the page."""
    if not kept():
        keep(counted())
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def page(text: str) -> str:
    """Return `text` with its made parts made anew."""
    made = {"zoo": table, "differences": differences} | {
        name: lambda names=names: side_by_side(*names) for name, names in SIDES.items()
    }
    return re.sub(
        r"(<!-- made: (.+?) -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}\n{made[match[2]]()}\n\n{match[3]}",
        text,
        flags=re.DOTALL,
    )


def table() -> str:
    """Every network, oldest first."""
    head = (
        "network",
        "year",
        "input",
        "depth",
        "parameters",
        "multiply-adds",
        "memory, MB",
        "printed errors",
    )
    lines = [head, ("---", "---", "---", *["--:"] * 4, "---")]
    for row in kept():
        named = (f"`{row['name']}`", str(row["year"]), sized(row["input"]), str(row["depth"]))
        figures = (exact(row["parameters"]), exact(row["multiply_adds"]), megabytes(row["kept_bytes"]))
        lines.append((*named, *figures, errors(row)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def errors(row: dict[str, Any]) -> str:
    """The headline of what was printed."""
    if not row["published"]:
        return NONE
    first = row["published"][0]
    both = f"{percent(first['top1']).strip()} / {percent(first['top5']).strip()}"
    views = {"1": "1 view", "10": "10 views"}.get(first["views"], first["views"])
    return f"{both}; {first['data']}, {views}; {first['source']}"


def differences() -> str:
    """The tables of the families' own files, with the sources that they name."""
    parts = []
    for module, title in FAMILIES.items():
        told = importlib.import_module(f"alexnet.networks.{module}").__doc__ or ""
        paragraphs = told.split("\n\n")
        sources = " ".join(" ".join(text.split()) for text in paragraphs if re.match(r"\[\w\] ", text))
        (rows,) = [text for text in paragraphs if text.startswith("| what |")]
        parts.append(f"### {title}\n\n{sources}\n\n{rows.strip()}")
    return "\n\n".join(parts)


def side_by_side(name: str, *others: str) -> str:
    """The command and its answer, as wide as this page."""
    words = " ".join(["alexnet networks", name, *(f"--against {other}" for other in others)])
    wide = mock.patch.dict(os.environ, COLUMNS="110")
    with wide, contextlib.redirect_stdout(io.StringIO()) as answer:
        zoo.beside(networks(name, against=others))
    lines = [line.rstrip() for line in answer.getvalue().splitlines()]
    return "\n".join(["```text", f"$ {words}", "", *lines, "```"])


if __name__ == "__main__":
    main()
