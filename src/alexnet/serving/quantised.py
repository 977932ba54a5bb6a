"""Eight bits: weights by channel and activations of every convolution and dense layer, statically.

Response norms and what fits pictures stay in float. Activations are rounded where a layer reads them, not
where one writes them: what lies between (norms, pools, ReLU) then has the full range, and engines fuse more.
Format: QuantizeLinear and DequantizeLinear pairs, standard ONNX; calibrated by onnxruntime.quantization.
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
from alexnet.serving.onnx_file import IMAGE

KINDS = ("Conv", "Gemm")
NETWORK = "answering.network."


def layers_of(model: ModelProto) -> list[str]:
    """Names of the layers that can be brought to eight bits, in the graph's order."""
    return [_layer(node) for node in model.graph.node if _layer(node)]


def quantised(model: ModelProto, pictures: Iterable[Pictures], *, keep: Sequence[str] = ()) -> ModelProto:
    """`model` in eight bits but for layers `keep`; ranges are those of batches of pictures [N, H, W, 3]."""
    named = ModelProto()
    named.CopyFrom(model)
    for number, node in enumerate(named.graph.node):
        node.name = f"{node.op_type}_{number}"  # by which layers are left out
    wanted = [node.name for node in named.graph.node if _layer(node) and _layer(node) not in keep]
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
            op_types_to_quantize=list(KINDS),
            nodes_to_quantize=wanted,
            extra_options={"OpTypesToExcludeOutputQuantization": list(KINDS)},
        )
        return onnx.load(written)


def _layer(node: NodeProto) -> str:
    """The layer whose weights a node multiplies with; empty for all others."""
    if node.op_type not in KINDS or len(node.input) < 2 or not node.input[1].startswith(NETWORK):
        return ""
    return str(node.input[1]).removeprefix(NETWORK).removesuffix(".weight")


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
