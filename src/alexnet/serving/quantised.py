"""Eight bits: weights by channel and activations of every convolution and dense layer, statically.

Response norms and what fits pictures stay in float. Format: QuantizeLinear and DequantizeLinear pairs,
standard ONNX; calibrated by onnxruntime.quantization. Convolutions and pools also write eight bits, without
which ONNX Runtime would compute them in float; dense layers do not, for the last one's are the logits.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, NodeProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from alexnet.serving.engines import Pictures
from alexnet.serving.onnx_file import IMAGE, VIEWS

LAYERS = ("Conv", "Gemm")
BETWEEN = ("Relu", "MaxPool", "Reshape")  # these neither add nor scale: eight bits pass through
NETWORK, WEIGHT = "answering.network.", ".weight"


def layers_of(model: ModelProto) -> list[str]:
    """Names of the layers that can be brought to eight bits, in the graph's order."""
    return [_layer(node) for node in model.graph.node if _layer(node)]


def quantised(model: ModelProto, pictures: Iterable[Pictures], *, keep: Sequence[str] = ()) -> ModelProto:
    """`model` in eight bits but for layers `keep`; ranges are those of batches of pictures [N, H, W, 3]."""
    named = ModelProto()
    named.CopyFrom(model)
    for number, node in enumerate(named.graph.node):
        node.name = f"{node.op_type}_{number}"  # by which layers are left out
    with tempfile.TemporaryDirectory() as folder, _quiet():
        written = Path(folder) / "quantised.onnx"
        quantize_static(
            named,
            written,
            _Batches(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=[*LAYERS, *BETWEEN],
            nodes_to_quantize=[node.name for node in _of_network(named) if _wanted(node, keep)],
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )
        return onnx.load(written)


def _of_network(model: ModelProto) -> Iterator[NodeProto]:
    """What comes after the views."""
    known = {VIEWS}
    for node in model.graph.node:
        if not known.isdisjoint(node.input):
            known.update(node.output)
            yield node


def _wanted(node: NodeProto, keep: Sequence[str]) -> bool:
    if node.op_type in LAYERS:
        return _layer(node) not in ("", *keep)
    return node.op_type in BETWEEN


def _layer(node: NodeProto) -> str:
    """The layer whose weights a node multiplies with; empty for all others."""
    if node.op_type not in LAYERS or len(node.input) < 2:
        return ""
    name = str(node.input[1])
    if not (name.startswith(NETWORK) and name.endswith(WEIGHT)):
        return ""  # the band of a response norm
    return name.removeprefix(NETWORK).removesuffix(WEIGHT)


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    """What calibration reads, as its library asks for it."""

    def __init__(self, pictures: Iterable[Pictures]) -> None:
        self.pictures: Iterator[Pictures] = iter(pictures)

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self.pictures, None)
        return None if batch is None else {IMAGE: batch}


@contextmanager
def _quiet() -> Iterator[None]:
    """It advises preprocessing that is done already."""
    log = logging.getLogger()
    disabled = log.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
