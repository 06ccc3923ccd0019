"""What the city client reads from a folder."""

import json

import pytest

from cc_edge.errors import Misconfigured
from cc_edge.samples import Folder, Sample, Source, Unusable
from tests.edge.test_stripping import encoded


def source_of(folder, *lines) -> Source:
    (folder / "samples.jsonl").write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return Folder(folder)


def test_a_line_becomes_an_item_with_the_facts_of_the_stripped_file(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    [sample] = source_of(tmp_path, {"event_id": "e-1", "file": "a.png", "confidence": 0.5}).read()
    sample.describe()
    assert sample.wire()["event_id"] == "e-1"
    facts = sample.wire()["file"]
    assert facts["media_type"] == "image/png"
    assert len(facts["sha256"]) == 64
    assert len(facts["md5"]) == 32
    assert sample.content_id == facts["sha256"]


def test_a_line_may_name_an_object_that_is_stored_already(tmp_path):
    [sample] = source_of(tmp_path, {"event_id": "e-1", "image_reference": "s3://b/x.jpg"}).read()
    sample.describe()
    assert sample.wire() == {"event_id": "e-1", "image_reference": "s3://b/x.jpg"}
    assert sample.content_id == "s3://b/x.jpg"


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../secret.png", "link.png"])
def test_a_file_outside_the_folder_is_refused(tmp_path, name):
    (tmp_path / "secret.png").write_bytes(encoded("PNG"))
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    [wrong] = source_of(folder, {"event_id": "e-1", "file": name}).read()
    assert isinstance(wrong, Unusable)
    assert wrong.reason == "outside_folder"


@pytest.mark.parametrize("line", ["{", "[1]", "NaN", '{"event_id": NaN}', '{"file": 7}', '{"file": ""}', "[" * 100_000])
def test_a_bad_line_is_that_lines_matter_only(tmp_path, line):
    wrong, right = source_of(tmp_path, line, {"event_id": "e-2"}).read()
    assert isinstance(wrong, Unusable)
    assert wrong.reason == "malformed"
    assert isinstance(right, Sample)


@pytest.mark.parametrize(("content", "reason"), [(None, "file_missing"), (b"text", "not_an_image")])
def test_a_file_that_is_missing_or_no_image_has_its_reason(tmp_path, content, reason):
    if content:
        (tmp_path / "a.png").write_bytes(content)
    [sample] = source_of(tmp_path, {"event_id": "e-1", "file": "a.png"}).read()
    with pytest.raises(Unusable) as caught:
        sample.describe()
    assert caught.value.reason == reason


def test_a_file_that_changed_after_it_was_described_is_not_sent(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    [sample] = source_of(tmp_path, {"event_id": "e-1", "file": "a.png"}).read()
    sample.describe()
    (tmp_path / "a.png").write_bytes(encoded("JPEG"))
    with pytest.raises(Unusable) as caught:
        sample.picture()
    assert caught.value.reason == "file_changed"


def test_a_folder_without_a_list_is_a_wrong_configuration(tmp_path):
    with pytest.raises(Misconfigured):
        Folder(tmp_path)
