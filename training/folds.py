"""Scoring a training split out of fold: each sample is answered by a network that never saw it, nor its group.

So a wrong label is not learned by heart, and stands out. The model that the run makes is trained on the whole split all the
same; the folds' networks are thrown away.
"""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from training.scoring import Answered, answer_onnx, score_labels
from training.scoring.outcomes import FOLDS_NAME
from training.trainers.work import MANIFEST_NAME, Example, Unfit, Work

if TYPE_CHECKING:
    from training.trainers.base import Trainer

SPLIT = "train"
HELD = "held out"
FOLDS = range(2, 11)


class FoldWork(Work):
    """The work of one fold: its own part of the train split is no longer in it, and says nothing but warnings."""

    def __init__(self, work: Work, fold: int, folds: int) -> None:
        super().__init__(work.folder, lambda event: None)
        self.job.pop("base", None)  # it may have learned from the very samples that are left out
        self.job.pop("checkpoint", None)  # that is of the whole run
        self._whole, self._fold, self._groups = work, fold, _folds_of(work, folds)

    def examples(self, *splits: str) -> Iterator[Example]:
        """Yield the members of these splits; the split `HELD` is what this fold leaves out. Raises Stopped."""
        for example in self._whole.examples(*{SPLIT if split == HELD else split for split in splits}):
            is_held = example.split == SPLIT and self._groups[example.sample_id] == self._fold
            if (HELD if is_held else example.split) in splits:
                yield example

    def keep_checkpoint(self, step: int, freeze: Callable[[], bytes]) -> None:
        """Keep nothing: a fold is short, and begins anew."""

    def check_stop(self) -> None:
        """Raise Stopped where the whole run was asked to end."""
        self._whole.check_stop()


def score_folds(work: Work, trainer: "Trainer", settings: Any, folds: int) -> dict[str, Any]:
    """Train `folds` networks, each without its fold, and answer the scores of all their answers together.

    Writes artifact/folds.jsonl, where suspected truths carry their doubt. Raises Unfit for other answers than classes.
    """
    answered: list[Answered] = []
    for fold in range(folds):
        one = FoldWork(work, fold, folds)
        data = trainer.prepare(one, settings)
        exported = trainer.export(one, settings, data, trainer.train(one, settings, data))
        if exported.output != "softmax_labels":
            raise Unfit("Wrong labels can be suspected of classes only; train without scoring out of fold.")
        held = answer_onnx(one, exported.model, exported.preprocessing, work.labels, HELD)
        work.log(f"Fold {fold + 1} of {folds}: {len(held)} examples were answered by a network without them.")
        answered += held
    return score_labels(work, answered, work.labels, FOLDS_NAME, with_doubts=True)


def _folds_of(work: Work, folds: int) -> dict[str, int]:
    """Answer the fold of each member of the train split, the same for a whole group and in each run."""
    found = {}
    with (work.folder / MANIFEST_NAME).open("rb") as lines:
        for text in lines:
            line = json.loads(text)
            if line["split"] == SPLIT:
                name = f"{work.seed}:{line.get('group') or line['sample_id']}"
                found[line["sample_id"]] = int.from_bytes(sha256(name.encode()).digest()[:4]) % folds
    return found
