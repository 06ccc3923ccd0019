"""A multilayer perceptron on small grey or colour images (scikit-learn): trained in seconds on a CPU."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from training import preprocessing
from training.trainers.base import Export
from training.trainers.hyperparameters import choice, number, whole
from training.trainers.pictures import Data, PictureTrainer, answers, packed, probabilities_only
from training.trainers.work import Unfit, Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from sklearn.neural_network import MLPClassifier

    Floats = npt.NDArray[np.float32]

PARITY = 1e-4


@dataclass(frozen=True)
class Settings:
    """What a person may choose."""

    hidden_units: int = whole(64, 1, 4096, "Units in each hidden layer")
    hidden_layers: int = whole(1, 1, 4, "Hidden layers")
    max_epochs: int = whole(60, 1, 1000, "Epochs at most")
    patience: int = whole(15, 1, 1000, "Epochs without gain before it stops")
    batch_size: int = whole(32, 1, 4096, "Examples in a step")
    learning_rate: float = number(0.003, 1e-6, 1.0, "Learning rate")
    weight_decay: float = number(1e-4, 0.0, 1.0, "Weight decay")
    image_size: int = whole(8, 4, 128, "Side of the image in pixels")
    color: str = choice("L", preprocessing.MODES, "Grey (L) or colour (RGB)")
    frames: int = whole(16, 1, 2048, "Rows that each series of features is brought to")


class MlpTrainer(PictureTrainer):
    """One network, trained by Adam; the epoch that did best on the validation split is kept."""

    name: ClassVar[str] = "mlp_classifier"
    title: ClassVar[str] = "Multilayer perceptron"
    fine_tunes: ClassVar[bool] = True
    hyperparameters: ClassVar[type[Any]] = Settings

    def train(self, work: Work, settings: Settings, data: Data) -> "MLPClassifier":
        """Fit epoch by epoch, from the weights of the base where there is one; the same seed and data give the same network."""
        import numpy as np

        model, order = _new_model(work, settings, len(data.train.labels)), np.random.default_rng(work.seed)
        classes = np.arange(len(work.labels))
        if work.base is not None:
            _start_from(work, model, data, classes)
        best, best_loss, best_epoch = _weights(model), np.inf, 0
        for epoch in range(1, settings.max_epochs + 1):
            rows = order.permutation(len(data.train.labels))
            model.partial_fit(
                data.train.inputs[rows], data.train.labels[rows], classes=classes, sample_weight=data.train.weights[rows]
            )
            loss = self._report(work, epoch, model, data)
            if loss < best_loss:
                best, best_loss, best_epoch = _weights(model), loss, epoch
            work.progress(90 * epoch / settings.max_epochs, epoch=epoch, epochs=settings.max_epochs)
            if epoch - best_epoch >= settings.patience:
                work.log(f"No gain since epoch {best_epoch}: stopped.")
                break
        model.coefs_, model.intercepts_ = best
        work.log(f"Epoch {best_epoch} is kept.")
        return model

    def export(self, work: Work, settings: Settings, data: Data, model: "MLPClassifier") -> Export:
        """Convert to ONNX, and compare with scikit-learn; raises Unfit where they differ."""
        import numpy as np

        graph = probabilities_only(model, data, {})
        gap = float(np.abs(answers(graph, data.seen.inputs) - model.predict_proba(data.seen.inputs)).max())
        work.metric("parity_gap", 1, gap)
        if gap > PARITY:
            raise Unfit(f"The exported network differs from the trained one by {gap:.1e}, more than {PARITY:.0e}.")
        return packed(work, data, graph)

    def _report(self, work: Work, epoch: int, model: "MLPClassifier", data: Data) -> float:
        """Say the epoch's figures, and answer the one to bring down: the loss on the validation split, or else on train's."""
        import numpy as np

        loss = float(model.loss_)
        work.metric("train_loss", epoch, loss)
        right = data.validation.labels
        if not len(right):
            return loss
        probabilities = model.predict_proba(data.validation.inputs)
        of_right = probabilities[np.arange(len(right)), right]
        loss = float(-np.log(np.clip(of_right, 1e-7, 1.0)).mean())
        work.metric("validation_loss", epoch, loss)
        work.metric("validation_accuracy", epoch, float((probabilities.argmax(axis=1) == right).mean()))
        return loss


def _new_model(work: Work, settings: Settings, examples: int) -> "MLPClassifier":
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        hidden_layer_sizes=(settings.hidden_units,) * settings.hidden_layers,
        batch_size=min(settings.batch_size, examples),
        learning_rate_init=settings.learning_rate,
        alpha=settings.weight_decay,
        random_state=work.seed,
        shuffle=False,
    )


def _start_from(work: Work, model: "MLPClassifier", data: Data, classes: Any) -> None:
    """Give the model the weights of the base's network; raises Unfit where the two are not of one shape."""
    assert work.base is not None
    base = work.base
    if [label["name"] for label in base.config["labels"]] != work.labels or base.config["preprocessing"] != data.steps:
        raise Unfit("The base model answers other labels, or sees images otherwise; fine-tuning needs the same of both.")
    model.partial_fit(data.train.inputs[:1], data.train.labels[:1], classes=classes)  # lays out the layers
    layers = [*model.coefs_, *model.intercepts_]
    known = _initializers(base.model)
    names = [f"{kind}{number or ''}" for kind in ("coefficient", "intercepts") for number in range(len(model.coefs_))]
    found = [known.get(name) for name in names]
    if any(weights is None or weights.size != layer.size for weights, layer in zip(found, layers, strict=True)):
        raise Unfit("The base model has other layers; choose as many hidden layers and units as it has.")
    for weights, layer in zip(found, layers, strict=True):
        assert weights is not None
        layer[...] = weights.reshape(layer.shape)  # in place: the optimiser holds these very arrays
    work.log("It starts from the weights of the base model.")


def _initializers(network: bytes) -> dict[str, "Floats"]:
    """Answer the constants of an ONNX network by name."""
    import onnx
    from onnx import numpy_helper

    return {one.name: numpy_helper.to_array(one) for one in onnx.load_from_string(network).graph.initializer}


def _weights(model: "MLPClassifier") -> tuple[list["Floats"], list["Floats"]]:
    layers, offsets = getattr(model, "coefs_", []), getattr(model, "intercepts_", [])
    return [layer.copy() for layer in layers], [offset.copy() for offset in offsets]


TRAINER = MlpTrainer()
