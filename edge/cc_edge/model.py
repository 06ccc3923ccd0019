"""A model in memory: an unpacked bundle, run by ONNX Runtime on this machine."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cc_edge import bundle, outputs, preprocessing
from cc_edge.bundle import BadBundle, Bundle
from cc_edge.errors import Misconfigured, Unfit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]


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

    def answer(self, content: bytes) -> outputs.Answer:
        """Answer for one file; raises Unfit where it is no image, or no such features."""
        config = self.bundle.config
        scores = self.scores(preprocessing.apply(config["preprocessing"], content))
        answer = self._decode(scores, preprocessing.size_of(content) if config["output"] == "boxes" else (1, 1))
        return outputs.Answer(answer.value, round(answer.confidence, 6))

    def scores(self, given: "Array") -> "Array":
        """Answer the network's output for one prepared input; raises BadBundle."""
        import numpy as np

        try:
            answered = self.session.run(None, {self._input: given})
        except Exception as error:  # as above
            raise BadBundle(f"The model does not run: {_first_line(error)}") from error
        kind, labels = self.bundle.config["output"], len(self.bundle.labels)
        for output in answered:
            if (
                isinstance(output, np.ndarray)
                and output.dtype == np.float32
                and outputs.fits(kind, labels, self._options, output.shape)
            ):
                return output
        raise BadBundle(f"The model does not answer as {kind} does.")

    def check_golden(self) -> None:
        """Run the golden inputs; raises BadBundle unless each gives, within its tolerance, what it must give."""
        for number, entry in enumerate(self.bundle.golden, start=1):
            try:
                given, wanted, final, tolerance = _golden(entry)
            except (KeyError, TypeError, ValueError, binascii.Error) as error:
                raise BadBundle(f"Golden input {number} cannot be read.") from error
            scores = self.scores(given)
            if scores.size != wanted.size or not bool((abs(scores.reshape(-1) - wanted) <= tolerance).all()):
                raise BadBundle(f"Golden input {number} gives another output here than where the model was made.")
            if self._decode(scores, outputs.golden_size(given.shape)).value != final:
                raise BadBundle(f"Golden input {number} gives another answer here than where the model was made.")

    @property
    def _options(self) -> Mapping[str, Any]:
        options: Mapping[str, Any] = self.bundle.config.get("output_options", {})
        return options

    def _decode(self, scores: "Array", size: tuple[int, int]) -> outputs.Answer:
        return outputs.decode(self.bundle.config["output"], self._options, self.bundle.labels, scores, size)


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


def _golden(entry: Mapping[str, Any]) -> tuple["Array", "Array", Mapping[str, Any], float]:
    import numpy as np

    raw = base64.b64decode(entry["input"]["float32"], validate=True)
    if hashlib.sha256(raw).hexdigest() != entry["input_sha256"]:
        raise ValueError
    given = np.frombuffer(raw, dtype="<f4").reshape(entry["input"]["shape"]).astype(np.float32)
    return given, np.asarray(entry["output"], dtype=np.float32), dict(entry["final"]), float(entry["tolerance"])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
