"""The notebook to its last cell, where PyTorch is installed: batches come out of a version that was pulled."""

import pytest

from tests import people
from tests.edge.notebooks import run_notebook
from tests.edge.test_notebook import pulled
from tests.factories import training as make

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

THEN = 'print(json.dumps({"pictures": list(pictures.shape), "targets": len(targets)}))'


def test_batches_come_out_of_it(live_server, settings, tmp_path):
    pytest.importorskip("torch")
    ada = people.ada()
    make.samples(ada, 40)
    version = make.frozen(ada, seed=7)
    folder = pulled(live_server, settings, tmp_path, version)
    said = run_notebook("dataset.ipynb", THEN, with_torch=True, PULLED=folder)
    count = min(32, version.statistics["by_split"]["train"])
    assert said == {"pictures": [count, 3, 32, 32], "targets": count}
