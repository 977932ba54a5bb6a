"""AlexNet whole: from a folder of pictures to a trained, measured and explained classifier.

    pictures ──▶ packed data set ──▶ batches ──▶ network ──▶ training ──▶ run folder ──▶ evaluation
                 dataset/            batches/    networks/   training/    run.py          evaluation/

Every verb of the command line is a function here with the same words:

    alexnet.prepare("pictures", "packed/pictures")
    alexnet.train("lenet-mnist", data="packed/mnist", out="runs/mnist")
    alexnet.evaluate("runs/mnist", split="test")
    alexnet.predict("runs/mnist", ["seven.png"])
    alexnet.similar("runs/mnist", ["seven.png"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from alexnet.problem import Problem, UsageProblem

if TYPE_CHECKING:
    from alexnet.verbs.ablate import ablate as ablate
    from alexnet.verbs.agreement import agreement as agreement
    from alexnet.verbs.codes import codes as codes
    from alexnet.verbs.compare_codes import compare_codes as compare_codes
    from alexnet.verbs.demo import demo as demo
    from alexnet.verbs.doctor import doctor as doctor
    from alexnet.verbs.evaluate import evaluate as evaluate
    from alexnet.verbs.plan import plan as plan
    from alexnet.verbs.predict import predict as predict
    from alexnet.verbs.prepare import prepare as prepare
    from alexnet.verbs.probe import probe as probe
    from alexnet.verbs.similar import similar as similar
    from alexnet.verbs.train import train as train

__version__ = "0.1.0"
__all__ = ["Problem", "UsageProblem", "__version__"]

# `alexnet.networks` is the package of networks; the verb of that name is alexnet.verbs.networks.networks
VERBS = (
    "ablate",
    "agreement",
    "codes",
    "compare_codes",
    "demo",
    "doctor",
    "evaluate",
    "plan",
    "predict",
    "prepare",
    "probe",
    "similar",
    "train",
)


def __getattr__(name: str) -> Any:
    # torch takes a second to import: a verb brings it when it is asked for, not before
    if name in VERBS:
        return getattr(import_module(f"alexnet.verbs.{name}"), name)
    raise AttributeError(f"module 'alexnet' has no attribute {name!r}")
