"""AlexNet whole: from a folder of pictures to a trained, measured and explained classifier.

    pictures ──▶ packed data set ──▶ batches ──▶ network ──▶ training ──▶ run folder ──▶ evaluation
                 dataset/            batches/    networks/   training/    run.py          evaluation/

Every verb of the command line is a function here with the same words:

    alexnet.prepare("pictures", "packed/pictures")
    alexnet.train("lenet-mnist", data="packed/mnist", out="runs/mnist")
    alexnet.evaluate("runs/mnist", split="test")
    alexnet.predict("runs/mnist", ["seven.png"])
    alexnet.similar("runs/mnist", ["seven.png"])
    alexnet.export("runs/mnist", out="mnist.onnx")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from alexnet.problem import Problem, UsageProblem

if TYPE_CHECKING:
    from alexnet.verbs.ablate import ablate as ablate
    from alexnet.verbs.agreement import agreement as agreement
    from alexnet.verbs.average import average as average
    from alexnet.verbs.calibrate import calibrate as calibrate
    from alexnet.verbs.codes import codes as codes
    from alexnet.verbs.compare import compare as compare
    from alexnet.verbs.compare_codes import compare_codes as compare_codes
    from alexnet.verbs.demo import demo as demo
    from alexnet.verbs.doctor import doctor as doctor
    from alexnet.verbs.evaluate import evaluate as evaluate
    from alexnet.verbs.export import export as export
    from alexnet.verbs.learning_curve import learning_curve as learning_curve
    from alexnet.verbs.plan import plan as plan
    from alexnet.verbs.predict import predict as predict
    from alexnet.verbs.prepare import prepare as prepare
    from alexnet.verbs.prepare_sizes import prepare_sizes as prepare_sizes
    from alexnet.verbs.probe import probe as probe
    from alexnet.verbs.rates import rates as rates
    from alexnet.verbs.repeat import repeat as repeat
    from alexnet.verbs.serve import serve as serve
    from alexnet.verbs.similar import similar as similar
    from alexnet.verbs.train import train as train
    from alexnet.verbs.transfer import transfer as transfer

__version__ = "0.1.0"
__all__ = ["Problem", "UsageProblem", "__version__"]

# `alexnet.networks` and `alexnet.report` are packages; the verbs of those names are
# alexnet.verbs.networks.networks and alexnet.verbs.report.report
VERBS = (
    "ablate",
    "agreement",
    "average",
    "calibrate",
    "codes",
    "compare",
    "compare_codes",
    "demo",
    "doctor",
    "evaluate",
    "export",
    "learning_curve",
    "plan",
    "predict",
    "prepare",
    "prepare_sizes",
    "probe",
    "rates",
    "repeat",
    "serve",
    "similar",
    "train",
    "transfer",
)


def __getattr__(name: str) -> Any:
    # torch takes a second to import: a verb brings it when it is asked for, not before
    if name in VERBS:
        return getattr(import_module(f"alexnet.verbs.{name}"), name)
    raise AttributeError(f"module 'alexnet' has no attribute {name!r}")
