"""A move is one guarded UPDATE: illegal ones are refused, and of many at once one wins."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from core.lifecycle import IllegalMove, LostRace
from learning.models import UploadBatch
from tests.core.batches import open_batch


@pytest.mark.django_db
def test_a_move_along_the_table_changes_row_and_instance():
    batch = open_batch()
    batch.move("sealed", item_count=3)
    assert (batch.state, batch.item_count) == ("sealed", 3)
    stored = UploadBatch.objects.get()
    assert (stored.state, stored.item_count) == ("sealed", 3)


@pytest.mark.django_db
def test_a_move_off_the_table_is_refused_in_words():
    batch = open_batch()
    with pytest.raises(IllegalMove, match="A batch that is open cannot become registered"):
        batch.move("registered")
    assert UploadBatch.objects.get().state == "open"
    assert not batch.can_move("registered")
    assert batch.can_move("sealed")


@pytest.mark.django_db
def test_who_read_an_older_state_loses():
    batch = open_batch()
    stale = UploadBatch.objects.get()
    batch.move("expired")
    with pytest.raises(LostRace):
        stale.move("sealed")
    assert UploadBatch.objects.get().state == "expired"


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_one_wins():
    batch = open_batch()

    def seal(_: int) -> bool:
        try:
            UploadBatch.objects.get(pk=batch.pk).move("sealed")
        except (LostRace, IllegalMove):
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(seal, range(8))) == 1
