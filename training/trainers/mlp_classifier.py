"""A multilayer perceptron on small grey or colour images (scikit-learn): trained in seconds on a CPU."""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from training import preprocessing
from training.trainers.base import Export
from training.trainers.hyperparameters import choice, number, whole
from training.trainers.mlp_checkpoint import BadCheckpoint, Standing, freeze, restore, weights
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

        classes = np.arange(len(work.labels))
        model, now = _begun(work, settings, data, classes)
        for epoch in range(now.epoch + 1, settings.max_epochs + 1):
            if epoch - 1 - now.best_epoch >= settings.patience:
                work.log(f"No gain since epoch {now.best_epoch}: stopped.")
                break
            work.check_stop()
            _fit_epoch(model, data, classes, now.order.permutation(len(data.train.labels)), epoch)
            loss = self._report(work, epoch, model, data)
            now.epoch = epoch
            if loss < now.best_loss:
                now.best, now.best_loss, now.best_epoch = _copied(model), loss, epoch
            work.keep_checkpoint(epoch, partial(freeze, model, now))
            work.progress(90 * epoch / settings.max_epochs, epoch=epoch, epochs=settings.max_epochs)
        layers = len(model.coefs_)
        model.coefs_, model.intercepts_ = now.best[:layers], now.best[layers:]
        work.log(f"Epoch {now.best_epoch} is kept.")
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


def _begun(work: Work, settings: Settings, data: Data, classes: Any) -> tuple["MLPClassifier", Standing]:
    """Answer the model to fit and where its fit stands: after the checkpoint's epoch, at the base's weights, or at nothing."""
    import numpy as np

    examples = len(data.train.labels)
    if (kept := work.checkpoint) is not None:
        model, now = _new_model(work, settings, examples), Standing(np.random.default_rng(work.seed), [])
        _lay_out(model, data, classes)
        try:
            restore(kept, model, now)
        except BadCheckpoint as error:
            work.log(f"The checkpoint cannot be used, the run begins anew: {error}", "warning")
        else:
            work.log(f"It goes on after epoch {now.epoch}, from a checkpoint.")
            return model, now
    model = _new_model(work, settings, examples)
    if work.base is not None:
        _start_from(work, model, data, classes)
    return model, Standing(np.random.default_rng(work.seed), _copied(model))


def _lay_out(model: "MLPClassifier", data: Data, classes: Any) -> None:
    """Have the model make its layers and its optimiser, which it does at its first step only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one example is less than a batch
        model.partial_fit(data.train.inputs[:1], data.train.labels[:1], classes=classes)


def _fit_epoch(model: "MLPClassifier", data: Data, classes: Any, rows: Any, epoch: int) -> None:
    """Go once through all examples in this order; raises Unfit where the numbers run away."""
    import numpy as np

    part = data.train
    try:
        with np.errstate(all="ignore"):
            model.partial_fit(part.inputs[rows], part.labels[rows], classes=classes, sample_weight=part.weights[rows])
        is_number = bool(np.isfinite(model.loss_))
    except ValueError as error:
        if "non-finite" not in str(error):  # scikit-learn looks at the weights after each epoch
            raise
        is_number = False
    if not is_number:
        raise Unfit(f"The loss is no number any more in epoch {epoch}: run it again with a lower learning rate.")


def _start_from(work: Work, model: "MLPClassifier", data: Data, classes: Any) -> None:
    """Give the model the weights of the base's network; raises Unfit where the two are not of one shape."""
    assert work.base is not None
    base = work.base
    if [label["name"] for label in base.config["labels"]] != work.labels or base.config["preprocessing"] != data.steps:
        raise Unfit("The base model answers other labels, or sees images otherwise; fine-tuning needs the same of both.")
    _lay_out(model, data, classes)
    layers = weights(model)
    known = _initializers(base.model)
    names = [f"{kind}{number or ''}" for kind in ("coefficient", "intercepts") for number in range(len(model.coefs_))]
    found = [known.get(name) for name in names]
    if any(one is None or one.size != layer.size for one, layer in zip(found, layers, strict=True)):
        raise Unfit("The base model has other layers; choose as many hidden layers and units as it has.")
    for known_layer, layer in zip(found, layers, strict=True):
        assert known_layer is not None
        layer[...] = known_layer.reshape(layer.shape)  # in place: the optimiser holds these very arrays
    work.log("It starts from the weights of the base model.")


def _initializers(network: bytes) -> dict[str, "Floats"]:
    """Answer the constants of an ONNX network by name."""
    import onnx
    from onnx import numpy_helper

    return {one.name: numpy_helper.to_array(one) for one in onnx.load_from_string(network).graph.initializer}


def _copied(model: "MLPClassifier") -> list["Floats"]:
    return [layer.copy() for layer in weights(model)]


TRAINER = MlpTrainer()
