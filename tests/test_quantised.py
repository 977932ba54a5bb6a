"""Eight bits: every layer is computed in them under ONNX Runtime, response norms are not."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from alexnet.batches.preprocessing import Preprocessing
from alexnet.networks import create
from alexnet.serving.engines import onnx_engine, openvino_engine
from alexnet.serving.onnx_file import from_views, model_of, program_of
from alexnet.serving.portable import portable
from alexnet.serving.quantised import layers_of, quantised

SIZE, CROP = 71, 67


@pytest.fixture(scope="module")
def models():
    """A small AlexNet in float32 and in eight bits, and the pictures it was calibrated on."""
    torch.manual_seed(0)
    network = create("alexnet", classes=6, image=CROP, dense=(64, 64)).eval()
    how = Preprocessing(SIZE, "crop", CROP, 3, torch.rand(3, CROP, CROP) * 255, torch.full((3, 1, 1), 60.0))
    model = model_of(program_of(portable(network, how)))
    pictures = np.random.default_rng(0).integers(0, 256, (16, SIZE, SIZE, 3), np.uint8)
    return model, quantised(model, [pictures[:8], pictures[8:]]), pictures


def fused(model, tmp_path):
    """The operators that ONNX Runtime computes a model with."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(
        from_views(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]


def test_onnx_runtime_computes_every_layer_in_eight_bits(models, tmp_path):
    """Where a convolution's output is not brought to eight bits too, it computes in float32."""
    kinds = fused(models[1], tmp_path)
    assert kinds.count("QLinearConv") == 5
    assert kinds.count("QGemm") == 3
    assert "Gemm" not in kinds


def test_response_norms_stay_in_float(models):
    weights = {tensor.name: tensor.data_type for tensor in models[1].graph.initializer}
    bands = [kind for name, kind in weights.items() if name.endswith(".band")]
    assert bands == [onnx.TensorProto.FLOAT] * 2
    assert layers_of(models[0]) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]


def test_layers_that_are_kept_stay_in_float(models, tmp_path):
    model, _, pictures = models
    kept = quantised(model, [pictures], keep=["conv1", "fc8"])
    weights = {tensor.name: tensor.data_type for tensor in kept.graph.initializer}
    assert weights["answering.network.conv1.weight"] == onnx.TensorProto.FLOAT
    assert weights["answering.network.fc8.weight"] == onnx.TensorProto.FLOAT
    assert fused(kept, tmp_path).count("QLinearConv") == 4


@pytest.mark.parametrize("engine", [onnx_engine, openvino_engine])
def test_answers_stay_near_those_in_float(engine, models):
    model, small, pictures = models
    views = np.ascontiguousarray(pictures[:, 2:-2, 2:-2])
    expected = onnx_engine(from_views(model).SerializeToString())(views)
    found = engine(from_views(small).SerializeToString())(views)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.02 * expected.max())
