"""What computes probabilities: torch, ONNX Runtime or OpenVINO, all called alike and from any thread.

An engine takes uint8 [N, crop, crop, 3] and returns float32 [N, classes]; that of a whole exported file takes
[N, H, W, 3].
"""

import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alexnet.batches.preprocessing import Preprocessing
from alexnet.batches.views import View
from alexnet.problem import Problem, UsageProblem

Pictures = NDArray[np.uint8]
Scores = NDArray[np.float32]
Engine = Callable[[Pictures], Scores]

ENGINES = ("torch", "onnx", "openvino")


def torch_engine(network: nn.Module, preprocessing: Preprocessing, temperature: float = 1.0) -> Engine:
    """Answer by a network in evaluation mode, on its device; its logits are divided by `temperature`."""
    device = next(network.parameters()).device
    preprocessing = preprocessing.to(device)

    @torch.inference_mode()
    def answer(views: Pictures) -> Scores:
        pixels = torch.from_numpy(views).to(device)
        logits = network(preprocessing(pixels)).float() / temperature
        probabilities: Scores = torch.softmax(logits, dim=1).cpu().numpy()
        return probabilities

    return answer


def onnx_engine(content: bytes, threads: int | None = None) -> Engine:
    """Answer by ONNX Runtime from a model of one input; as many threads as torch has, unless said."""
    runtime = engine_module("onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class
        raise Problem(f"ONNX Runtime does not take this model: {_first_line(error)}") from None
    (asked,) = session.get_inputs()

    def answer(pictures: Pictures) -> Scores:
        probabilities: Scores = session.run(None, {asked.name: pictures})[0]
        return probabilities

    return answer


def openvino_engine(content: bytes, threads: int | None = None) -> Engine:
    """Answer by OpenVINO on the processor, in float32 where the model is; threads as above."""
    settings = {
        "INFERENCE_NUM_THREADS": threads or torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the processor has it
        "PERFORMANCE_HINT": "LATENCY",
    }
    core = _core()
    try:
        model = core.read_model(content)
        _dense_in_float(model)
        compiled = core.compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise Problem(f"OpenVINO does not take this model: {_first_line(error)}") from None
    own = threading.local()  # a request answers one thread at a time

    def answer(pictures: Pictures) -> Scores:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        probabilities: Scores = own.request.infer({0: pictures}, share_inputs=True)[0]
        return probabilities.copy()  # the next question overwrites it

    return answer


def _dense_in_float(model: Any) -> None:
    """Let dense layers of eight bits read what was not rounded for them; their weights stay as they are.

    At batch 1 their time is that of reading weights, and OpenVINO's product of bytes with floats reads nearly
    twice as many in a second as that of bytes with bytes.
    """
    for product in model.get_ordered_ops():
        if product.get_type_name() == "MatMul":
            node = product.input_value(0).get_node()
            while node.get_type_name() in ("Multiply", "Subtract", "Convert"):  # bytes to floats
                node = node.input_value(0).get_node()
            if node.get_type_name() == "FakeQuantize":
                product.input(0).replace_source_output(node.input_value(0))


def engine_module(name: str) -> ModuleType:
    """The library of an engine; a UsageProblem says how to get it."""
    library = {"onnx": "onnxruntime", "openvino": "openvino"}[name]
    try:
        return import_module(library)
    except ImportError:
        raise UsageProblem(f"engine {name} needs {library}: pip install 'alexnet[export]'") from None


def installed() -> list[str]:
    """The engines beside torch that are here with what reads and writes their files."""
    if any(find_spec(library) is None for library in ("onnx", "onnxscript")):
        return []
    libraries = {"onnx": "onnxruntime", "openvino": "openvino"}
    return [name for name, library in libraries.items() if find_spec(library)]


def require_onnx() -> None:
    """A UsageProblem where exported files can be neither written nor read."""
    if "onnx" not in installed():
        raise UsageProblem(
            "exported files need onnx, onnxscript and onnxruntime: pip install 'alexnet[export]'"
        )


def averaged(answer: Engine, pictures: Pictures, windows: Sequence[View], crop: int) -> Scores:
    """The mean of what `answer` says of each window of prepared pictures [N, size, size, 3]."""
    total = answer(_window(pictures, windows[0], crop))
    for window in windows[1:]:
        total = total + answer(_window(pictures, window, crop))
    mean: Scores = total / np.float32(len(windows))
    return mean


def _window(pictures: Pictures, window: View, crop: int) -> Pictures:
    row, column, flip = window
    views = pictures[:, row : row + crop, column : column + crop]
    return np.require(views[:, :, ::-1] if flip else views, requirements=["C", "W"])


@cache
def _core() -> Any:
    return engine_module("openvino").Core()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
