"""The nearest known images vote (scikit-learn): nothing is learned, so it is what every other trainer has to beat."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from training import preprocessing
from training.trainers.base import Export
from training.trainers.hyperparameters import choice, whole
from training.trainers.pictures import Data, PictureTrainer, answers, packed, probabilities_only
from training.trainers.work import Unfit, Work

if TYPE_CHECKING:
    from onnx import ModelProto
    from sklearn.neighbors import KNeighborsClassifier

DITHER = 0.5 / 255
"""Half a grey step, less than what a camera rounds away."""


@dataclass(frozen=True)
class Settings:
    """What a person may choose."""

    neighbors: int = whole(3, 1, 100, "Neighbours that vote")
    image_size: int = whole(8, 4, 64, "Side of the image in pixels")
    color: str = choice("L", preprocessing.MODES, "Grey (L) or colour (RGB)")
    frames: int = whole(16, 1, 2048, "Rows that each series of features is brought to")


class KnnTrainer(PictureTrainer):
    """Keeps all images of the train split inside the model; weights of examples do not count."""

    name: ClassVar[str] = "baseline_knn"
    title: ClassVar[str] = "Nearest neighbours (baseline)"
    hyperparameters: ClassVar[type[Any]] = Settings

    def train(self, work: Work, settings: Settings, data: Data) -> "KNeighborsClassifier":
        """Remember the train split, a little dithered; the same seed and data give the same model.

        Grey steps are whole numbers, so that distances would tie, and which of two equally near images counts would be left
        to each machine's own sorting.
        """
        import numpy as np
        from sklearn.neighbors import KNeighborsClassifier

        dither = np.random.default_rng(work.seed).uniform(-DITHER, DITHER, data.train.inputs.shape)
        model = KNeighborsClassifier(min(settings.neighbors, len(data.train.labels)), algorithm="brute")
        model.fit((data.train.inputs + dither).astype(np.float32), data.train.labels)
        if len(data.validation.labels):
            right = model.predict(data.validation.inputs) == data.validation.labels
            work.metric("validation_accuracy", 1, float(right.mean()))
        work.progress(90, epoch=1, epochs=1)
        return model

    def export(self, work: Work, settings: Settings, data: Data, model: "KNeighborsClassifier") -> Export:
        """Convert to ONNX, and compare with scikit-learn; raises Unfit where any label differs."""
        graph = probabilities_only(model, data, {})
        if len(model.classes_) < len(work.labels):
            _widen(graph, model, len(work.labels))
        theirs = answers(graph, data.seen.inputs).argmax(axis=1)
        differing = int((theirs != model.predict(data.seen.inputs)).sum())
        work.metric("parity_differing", 1, differing)
        if differing:
            raise Unfit(f"The exported model answers {differing} of {len(theirs)} images otherwise than the trained one.")
        return packed(work, data, graph)


def _widen(graph: "ModelProto", model: "KNeighborsClassifier", labels: int) -> None:
    """Give labels without any example a probability of 0, each at its place, by one product with a matrix of 0 and 1."""
    import numpy as np
    from onnx import helper, numpy_helper

    places = np.zeros((len(model.classes_), labels), dtype=np.float32)
    places[np.arange(len(model.classes_)), model.classes_] = 1
    for node in graph.graph.node:
        node.output[:] = ["known_probabilities" if name == "probabilities" else name for name in node.output]
    graph.graph.initializer.append(numpy_helper.from_array(places, "label_places"))
    graph.graph.node.append(helper.make_node("MatMul", ["known_probabilities", "label_places"], ["probabilities"]))
    del graph.graph.output[0].type.tensor_type.shape.dim[:]
    for size in (None, labels):
        graph.graph.output[0].type.tensor_type.shape.dim.add(dim_value=size)


TRAINER = KnnTrainer()
