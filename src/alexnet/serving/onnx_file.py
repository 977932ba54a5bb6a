"""An exported .onnx file: written from a module, read without running anything, cut where views begin.

Input `image`, uint8 RGB [N, H, W, 3] with all three sizes free; output `probabilities` [N, classes]. The
tensor `views` in between, uint8 [N, crop, crop, 3], is where a classifier begins that has fitted its
pictures itself. Classes, card and version stand in the file's metadata as JSON.
"""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper
from torch import nn
from torch.export import Dim, ExportedProgram

from alexnet.problem import Problem

OPSET = 18
IMAGE, VIEWS, PROBABILITIES = "image", "views", "probabilities"
CLASSES, CARD, VERSION, FORMAT = "classes", "card", "alexnet.version", "alexnet.format"
EXAMPLE = (2, 37, 53, 3)  # of the sizes that are free, so that none is taken for fixed


@dataclass(frozen=True)
class Exported:
    """A file that was read, its tensors included."""

    path: Path
    model: ModelProto
    classes: tuple[str, ...]
    card: dict[str, Any]


def program_of(whole: nn.Module) -> ExportedProgram:
    """Trace a module of pictures uint8 [N, H, W, 3] with all three sizes free."""
    return _traced(whole, EXAMPLE, {0: Dim("N", min=1), 1: Dim("H", min=1), 2: Dim("W", min=1)})


def views_program_of(answering: nn.Module, crop: int) -> ExportedProgram:
    """Trace a module of views uint8 [N, crop, crop, 3] with N free."""
    return _traced(answering, (EXAMPLE[0], crop, crop, 3), {0: Dim("N", min=1)})


def _traced(module: nn.Module, shape: tuple[int, ...], free: dict[int, Dim]) -> ExportedProgram:
    with torch.no_grad(), _quiet():
        return torch.export.export(module, (torch.zeros(shape, dtype=torch.uint8),), dynamic_shapes=(free,))


def model_of(program: ExportedProgram) -> ModelProto:
    """A traced module of pictures in ONNX, its views named."""
    model = _converted(program, IMAGE)
    (cast,) = [node for node in model.graph.node if node.op_type == "Cast" and _to_bytes(node)]
    _rename(model, cast.output[0], VIEWS)
    return model


def views_model_of(program: ExportedProgram) -> ModelProto:
    """A traced module of views in ONNX."""
    return _converted(program, VIEWS)


def _converted(program: ExportedProgram, input: str) -> ModelProto:
    with _quiet():
        converted = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=[input],
            output_names=[PROBABILITIES],
            verbose=False,
        )
    assert converted is not None
    model = converted.model_proto
    _forget_places(model)
    return model


def with_metadata(
    model: ModelProto, classes: Sequence[str], card: Mapping[str, Any], version: str
) -> ModelProto:
    """Put classes, card and our version into the file's metadata; the same model."""
    entries = {
        FORMAT: "1",
        VERSION: version,
        CLASSES: json.dumps(list(classes), ensure_ascii=False),
        CARD: json.dumps(dict(card), ensure_ascii=False),
    }
    del model.metadata_props[:]
    helper.set_model_props(model, entries)
    model.producer_name, model.producer_version = "alexnet", version
    return model


def read(path: Path) -> Exported:
    """Read a file that `alexnet export` wrote; a Problem where it is none or damaged."""
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise Problem(f"cannot read {path}: {error.strerror}") from None
    except Exception:  # protobuf's own error, or one of onnx: which, differs from version to version
        raise Problem(f"{path} is damaged, or no ONNX file: export it again") from None
    told = {entry.key: entry.value for entry in model.metadata_props}
    if not model.graph.node or told.get(FORMAT) != "1":
        raise Problem(f"{path} was not written by this version of `alexnet export`: it has no card of ours")
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise Problem(f"{path} keeps its weights in other files, which are not read: export it again")
    try:
        return Exported(path, model, tuple(json.loads(told[CLASSES])), json.loads(told[CARD]))
    except (KeyError, ValueError, TypeError) as error:
        raise Problem(f"{path} is damaged: its metadata lack {error}; export it again") from None


def from_views(model: ModelProto) -> ModelProto:
    """The part of a model that begins at its views: what fits pictures is left out."""
    makers = {output: node for node in model.graph.node for output in node.output}
    wanted, needed = [PROBABILITIES], set()
    while wanted:
        name = wanted.pop()
        if name == VIEWS or name not in makers or name in needed:
            continue
        needed.add(name)
        wanted += makers[name].input
    nodes = [node for node in model.graph.node if not needed.isdisjoint(node.output)]
    read_by = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "alexnet",
        [helper.make_tensor_value_info(VIEWS, TensorProto.UINT8, ["N", None, None, 3])],
        [output for output in model.graph.output if output.name == PROBABILITIES],
        [tensor for tensor in model.graph.initializer if tensor.name in read_by],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _forget_places(model: ModelProto) -> None:
    """What the exporter notes of every node names files of this machine."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
        value.doc_string = ""
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
        tensor.doc_string = ""


def _to_bytes(node: NodeProto) -> bool:
    return any(one.name == "to" and one.i == TensorProto.UINT8 for one in node.attribute)


def _rename(model: ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    for value in model.graph.value_info:
        if value.name == old:
            value.name = new


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporters warn of their own insides, which nobody who exports can change."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
