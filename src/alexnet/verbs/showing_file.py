"""What `alexnet serve` shows of an exported file: its classes and its card; what only a run has it says."""

from collections.abc import Mapping

from alexnet.serving import documents
from alexnet.serving.classifier import Classifier
from alexnet.serving.desk import Abilities
from alexnet.serving.limits import Limits
from alexnet.serving.routes import Shown
from alexnet.verbs.showing import CAUTION, bounds_of, kinds_of

NO_NEIGHBOURS = "an exported file holds no training pictures: serve the run that it was made of"
NO_LOOK = "a look inside needs the weights of a run: this server answers from an exported file"
NO_REPORT = "an exported file has no report: the run that it was made of may have one"


def abilities_of_file(classifier: Classifier) -> Abilities:
    """What can be asked of a file: classes."""
    return Abilities(classifier.prepare, classifier.scores)


def shown_of_file(classifier: Classifier, words: Mapping[str, str], limits: Limits) -> Shown:
    """What the server tells beside answers."""
    model = documents.Model(
        name=classifier.path.stem,
        network=str(classifier.card.get("network", "unknown")),
        classes=kinds_of(classifier.classes, words),
        card=classifier.card,
        errors=None,
        trained_on=None,
        engine=classifier.engine,
        limits=bounds_of(limits),
        samples=[],
        similar=NO_NEIGHBOURS,
        look=NO_LOOK,
        report=NO_REPORT,
        caution=CAUTION,
    )
    return Shown(model, words)
