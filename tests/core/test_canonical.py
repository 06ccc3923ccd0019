"""One value, one hash."""

import pytest

from core.canonical import canonical_json, canonical_sha256


def test_the_order_of_keys_does_not_matter_and_the_order_of_boxes_does():
    assert canonical_sha256({"a": 1, "b": [1, 2]}) == canonical_sha256({"b": [1, 2], "a": 1})
    assert canonical_sha256({"b": [1, 2]}) != canonical_sha256({"b": [2, 1]})


def test_it_is_utf8_without_blanks():
    assert canonical_json({"text": "京A 12"}) == '{"text":"京A 12"}'
    expected = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert canonical_sha256({}) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_does_not_know_is_refused(value):
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"x": value})
