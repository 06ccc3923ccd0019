"""What a fit of `mlp_classifier` goes on from: its weights, its optimiser, the source of its order, and the best so far.

An NPZ of plain arrays, read with pickling off; a run that goes on from it measures what it would have measured without the break.
"""

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from sklearn.neural_network import MLPClassifier

    Floats = npt.NDArray[np.float32]


class BadCheckpoint(ValueError):
    """These bytes are no checkpoint of a network of this shape."""


@dataclass
class Standing:
    """How far a fit is: after which epoch, and which one was the best."""

    order: "np.random.Generator"
    best: "list[Floats]"
    epoch: int = 0
    best_loss: float = float("inf")
    best_epoch: int = 0


def freeze(model: "MLPClassifier", standing: Standing) -> bytes:
    """Answer the checkpoint of a fit that has just ended an epoch."""
    import numpy as np

    facts = {
        "epoch": standing.epoch,
        "best_loss": standing.best_loss,
        "best_epoch": standing.best_epoch,
        "steps": model._optimizer.t,  # noqa: SLF001  (scikit-learn has no public way to go on with an optimiser)
        "order": standing.order.bit_generator.state,
    }
    out = io.BytesIO()
    arrays = {f"{kind}{number}": layer for kind, group in _groups(model, standing.best) for number, layer in enumerate(group)}
    np.savez(out, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)
    return out.getvalue()


def restore(content: bytes, model: "MLPClassifier", standing: Standing) -> None:
    """Bring a laid-out model and its standing to where the checkpoint was made; raises BadCheckpoint, and changes nothing then."""
    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            facts = json.loads(str(kept["facts"]))
            groups = _groups(model, weights(model))
            found = {kind: [_like(kept[f"{kind}{n}"], layer) for n, layer in enumerate(group)] for kind, group in groups}
            order = np.random.default_rng()
            order.bit_generator.state = facts["order"]
            epoch, best_loss, best_epoch, steps = (facts[name] for name in ("epoch", "best_loss", "best_epoch", "steps"))
    except Exception as error:  # whatever is wrong with it
        raise BadCheckpoint(str(error)) from error
    optimiser = model._optimizer  # noqa: SLF001
    for layer, value in zip(weights(model), found["weights"], strict=True):
        layer[...] = value
    optimiser.ms, optimiser.vs, optimiser.t = found["first"], found["second"], int(steps)
    standing.order, standing.best = order, found["best"]
    standing.epoch, standing.best_loss, standing.best_epoch = int(epoch), float(best_loss), int(best_epoch)


def weights(model: "MLPClassifier") -> "list[Floats]":
    """Answer the very arrays of a network, layers first, then their offsets; none where it was not laid out yet."""
    return [*getattr(model, "coefs_", []), *getattr(model, "intercepts_", [])]


def _groups(model: "MLPClassifier", best: "list[Floats]") -> "list[tuple[str, list[Floats]]]":
    optimiser: Any = model._optimizer  # noqa: SLF001
    return [("weights", weights(model)), ("first", optimiser.ms), ("second", optimiser.vs), ("best", best)]


def _like(found: "Floats", layer: "Floats") -> "Floats":
    if found.shape != layer.shape or found.dtype != layer.dtype:
        raise ValueError("it is of a network of another shape")
    return found
