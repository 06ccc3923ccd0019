"""A model in memory: an unpacked bundle, run by ONNX Runtime on this machine."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cc_edge import bundle, preprocessing
from cc_edge.bundle import BadBundle, Bundle
from cc_edge.errors import Misconfigured, Unfit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """What a model says of an image: an annotation value, and how sure it is (0 to 1)."""

    value: dict[str, Any]
    confidence: float


class Model:
    """Raises BadBundle where ONNX Runtime will not load it."""

    def __init__(self, content: Bundle) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise Misconfigured("Install command-centre-edge[run] to run models.") from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # a refusal is our sentence, not the library's lines
        self.bundle = content
        try:
            self.session = onnxruntime.InferenceSession(content.model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library raises a class of its own for each kind of refusal
            raise BadBundle(f"ONNX Runtime does not load the model: {_first_line(error)}") from error
        inputs = self.session.get_inputs()
        if len(inputs) != 1:
            raise BadBundle("The model must have exactly one input.")
        self._input = inputs[0].name

    def answer(self, image_bytes: bytes) -> Answer:
        """Answer for one image file; raises Unfit where it is no image."""
        scores = self.scores(preprocessing.apply(self.bundle.config["preprocessing"], image_bytes))
        best = int(scores.argmax())
        return Answer({"label": self.bundle.labels[best]}, round(float(scores[best]), 6))

    def scores(self, given: "Array") -> "Array":
        """Answer the score of each label for one prepared input; raises BadBundle."""
        import numpy as np

        try:
            outputs = self.session.run(None, {self._input: given})
        except Exception as error:  # as above
            raise BadBundle(f"The model does not run: {_first_line(error)}") from error
        for output in outputs:
            if isinstance(output, np.ndarray) and output.dtype == np.float32 and output.size == len(self.bundle.labels):
                return output.reshape(-1)
        raise BadBundle("The model does not answer one score a label.")

    def check_golden(self) -> None:
        """Run the golden inputs; raises BadBundle unless each gives, within its tolerance, what it must give."""
        for number, entry in enumerate(self.bundle.golden, start=1):
            try:
                given, wanted, final, tolerance = _golden(entry)
            except (KeyError, TypeError, ValueError, binascii.Error) as error:
                raise BadBundle(f"Golden input {number} cannot be read.") from error
            scores = self.scores(given)
            if scores.shape != wanted.shape or not bool((abs(scores - wanted) <= tolerance).all()):
                raise BadBundle(f"Golden input {number} gives another output here than where the model was made.")
            if self.bundle.labels[int(scores.argmax())] != final:
                raise BadBundle(f"Golden input {number} gives another label here than where the model was made.")


def check_model(folder: Path, module: str) -> None:
    """Load the model that lies in `folder` and run its golden inputs; raises Unfit."""
    try:
        content = bundle.load(folder)
    except OSError as error:
        raise Unfit(f"The model on this machine is damaged: {error.strerror}.") from error
    if content.config["module"] != module:
        raise Unfit(f"The bundle is of the module {str(content.config['module'])[:80]!r}.")
    bundle.refuse_unfit_platform(content.config)
    Model(content).check_golden()


def _golden(entry: Mapping[str, Any]) -> tuple["Array", "Array", str, float]:
    import numpy as np

    raw = base64.b64decode(entry["input"]["float32"], validate=True)
    if hashlib.sha256(raw).hexdigest() != entry["input_sha256"]:
        raise ValueError
    given = np.frombuffer(raw, dtype="<f4").reshape(entry["input"]["shape"]).astype(np.float32)
    return given, np.asarray(entry["output"], dtype=np.float32), entry["final"]["label"], float(entry["tolerance"])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
