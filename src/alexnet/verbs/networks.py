"""`alexnet networks`: the zoo, one network layer by layer, and several side by side."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.verbs.zoo import kept

if TYPE_CHECKING:
    from alexnet.networks.parts import Part


def networks(
    name: str | None = None,
    *,
    classes: int | None = None,
    against: Sequence[str] = (),
    progress: Progress = silent,
) -> Any:
    """Return a list of all networks, or with `name` one of them and its `layers`, as JSON's own types.

    `name` may be a part of a network, such as vgg16.fc6. Each of `against` is another network or part, or
    KxK, the plain convolution of the same input and output maps; then the answer has `against`, their
    documents with the `ratio` of each figure of `name` to theirs, and `aligned`, layers side by side, one of
    each and None where there is none. Figures are those of the published number of classes unless `classes`
    is given.
    """
    if name is None:
        if against:
            raise UsageProblem("against what? Name a network first: alexnet networks alexnet --against lenet")
        return (not classes and kept()) or counted(classes, progress=progress)
    from alexnet.networks.parts import find
    from alexnet.networks.sizes import aligned, layer_rows, ratios, row

    part = find(name, classes=classes)
    whole = row(part) | {"layers": layer_rows(part)}
    if not against:
        return whole
    others = [_beside(part, other, classes) for other in against]
    rows = [row(other) for other in others]
    return whole | {
        "against": [other | {"ratio": ratios(whole, other)} for other in rows],
        "aligned": aligned([part, *others]),
    }


def counted(classes: int | None = None, *, progress: Progress = silent) -> list[dict[str, Any]]:
    """The rows of all networks, each built on paper and counted, which takes seconds."""
    from alexnet.networks import NETWORKS
    from alexnet.networks.parts import find
    from alexnet.networks.sizes import row

    rows = []
    with progress("counting networks", len(NETWORKS)) as advance:
        for name in NETWORKS:
            rows.append(row(find(name, classes=classes)))
            advance(1, name)
    return rows


def exchanged(
    name: str,
    columns: int,
    *,
    scheme: Literal["columns", "owt"] = "columns",
    batch: int = 128,
    classes: int | None = None,
) -> dict[str, Any]:
    """What `columns` ranks that hold the network `name` between them send in a step of training, by layer.

    Bytes of one rank, float32, predicted from the shapes: `layers` of {layer, what, forward, backward}, their
    sum `bytes`, the `parameters` that each rank holds, and `by_images`: what a rank would send to sum the
    gradients of the whole network, were it parted by images alone. `scheme` and `batch` are as of training.
    """
    from alexnet.networks.columns.split import parted
    from alexnet.networks.columns.traffic import summed_bytes, traffic
    from alexnet.networks.parts import find

    if columns < 2:
        raise UsageProblem(f"{columns} rank has nobody to send to; take 2 or more")
    if scheme == "owt" and batch % columns:
        raise UsageProblem(f"a batch of {batch} images does not part evenly over {columns} ranks")
    part = find(name, classes=classes)
    whole = sum(parameter.numel() for parameter in part.module.parameters())
    layers = [
        row.document()
        for row in traffic(name, part.module, part.input, count=columns, batch=batch, scheme=scheme)
    ]
    return {
        "columns": columns,
        "scheme": scheme,
        "batch": batch,
        "layers": layers,
        "bytes": sum(row["forward"] + row["backward"] for row in layers),
        "parameters": parted(name, part.module, columns, scheme=scheme),
        "by_images": summed_bytes(whole, columns),
    }


def _beside(part: "Part", other: str, classes: int | None) -> "Part":
    from alexnet.networks.parts import find, plain

    kernel = re.fullmatch(r"(\d+)x\1", other)
    return plain(part, int(kernel[1])) if kernel else find(other, classes=classes)
