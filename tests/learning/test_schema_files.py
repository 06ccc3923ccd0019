"""Schemas out of other tools' files: what is read, what is said to be left out, and what is refused with a sentence."""

import json

import pytest

from core.errors import Invalid
from learning import schema_files, schema_reading
from learning.schema_files import markup

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "categories": [
        {"id": 0, "name": "car", "supercategory": "vehicle", "color": [255, 0, 16]},
        {"id": 2, "name": "Fußgänger", "supercategory": "Fußgänger", "keypoints": ["head"]},
        {"id": 3, "name": "car"},
    ],
    "annotations": [
        {"id": 1, "attributes": {"occluded": True, "angle": 0.5, "make": "kia"}},
        {"id": 2, "attributes": {"occluded": False, "angle": 2, "make": "fiat"}},
    ],
}
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels>
 <label><name>car</name><color>#fa3253</color><type>rectangle</type><attributes>
  <attribute><name>colour</name><mutable>False</mutable><input_type>select</input_type><default_value>red</default_value><values>red
blue</values></attribute>
  <attribute><name>parked</name><input_type>checkbox</input_type><values></values></attribute>
  <attribute><name>seats</name><input_type>number</input_type><values>1
9
1</values></attribute></attributes></label>
 <label><name>bus</name><color>#33ddff</color><type>polygon</type><attributes>
  <attribute><name>colour</name><input_type>radio</input_type><values>green</values></attribute></attributes></label>
</labels></task></meta><image id="0" name="a.jpg" width="1" height="1"></image><broken"""
CONFIG = """<View><Image name="image" value="$image"/>
<RectangleLabels name="label" toName="image"><Label value="Car" background="green" hotkey="c"/>
<Label value="Bus" alias="coach" background="rgb(1, 2, 3)" hotkey="ctrl+b"/></RectangleLabels>
<Choices name="weather" toName="image" required="true"><Choice value="dry"/><Choice value="wet"/></Choices>
<Choices name="damage" toName="image" choice="multiple" perRegion="true"><Choice value="dent"/><Choice value="rust"/></Choices>
<Number name="speed" toName="image"/><TextArea name="plate" toName="image" perRegion="true"/></View>"""


def read(content, name="export.json"):
    given = (
        content
        if isinstance(content, bytes)
        else content.encode()
        if isinstance(content, str)
        else json.dumps(content).encode()
    )
    return schema_files.read(given, name)


def names(draft) -> list[str]:
    return [label["name"] for label in draft.labels]


def kinds(draft) -> dict:
    return {attribute["name"]: (attribute["type"], attribute["values"], attribute["per"]) for attribute in draft.attributes}


def test_coco_categories_become_labels_and_attributes_are_guessed():
    draft = read(COCO)
    assert (draft.origin, draft.task, names(draft)) == ("COCO", "detection", ["car", "Fußgänger"])
    assert draft.labels[0] == {"name": "car", "color": "#ff0010", "guide": "A kind of vehicle."}
    assert kinds(draft) == {
        "occluded": ("checkbox", [], "box"),
        "angle": ("number", [], "box"),
        "make": ("select", ["kia", "fiat"], "box"),
    }
    assert [
        part for part in ("Key points", "more than once", "Supercategories") if any(part in note for note in draft.notes)
    ] == [
        "Key points",
        "more than once",
        "Supercategories",
    ]


def test_coco_with_a_bom_windows_lines_or_a_bare_nan_is_read_too():
    text = json.dumps(COCO, indent=1)
    assert names(read(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())) == ["car", "Fußgänger"]
    assert names(read(text.replace("0.5", "NaN"))) == ["car", "Fußgänger"]


def test_roboflows_project_name_is_kept_and_pointed_out():
    draft = read(
        {
            "categories": [
                {"id": 0, "name": "plates", "supercategory": "none"},
                {"id": 1, "name": "plate", "supercategory": "plates"},
            ]
        }
    )
    assert names(draft) == ["plates", "plate"]
    assert any("Roboflow" in note for note in draft.notes)


def test_cvat_is_read_to_the_end_of_its_head():
    draft = read(CVAT, "annotations.xml")
    assert (draft.origin, draft.task, names(draft)) == ("CVAT", "detection", ["car", "bus"])
    assert draft.labels[0]["color"] == "#fa3253"
    assert kinds(draft) == {
        "colour": ("select", ["red", "blue", "green"], "box"),
        "parked": ("checkbox", [], "box"),
        "seats": ("number", [], "box"),
    }
    assert any("different values" in note for note in draft.notes)


def test_cvats_list_of_labels_is_understood():
    colour = {"name": "colour", "input_type": "select", "values": ["red", "blue"]}
    draft = read(
        [
            {"name": "day", "type": "tag", "color": "#abc", "attributes": [colour]},
            {"name": "night", "type": "tag", "attributes": []},
        ]
    )
    assert (draft.task, names(draft), draft.labels[0]["color"]) == ("classification", ["day", "night"], "#aabbcc")
    assert kinds(draft) == {"colour": ("select", ["red", "blue"], "sample")}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("names:\r\n  0: plate\r\n  2: no\r\n  1: 車\r\nnc: 3\r\n", "data.yaml"),
        ("train: ../train\nnc: 3\nnames: ['plate', '車', 'no']\n", "data.yaml"),
        ("plate\n車\nno\n\n", "obj.names"),
        ("\ufeffplate\r\n車\r\nno\r\n", "classes.txt"),
    ],
)
def test_yolo_names_keep_their_order_and_their_spelling(content, name):
    assert names(read(content, name)) == ["plate", "車", "no"]


def test_yolo_classes_without_a_name_and_without_truth():
    draft = read("plate\n\nplate\nbus\n", "classes.txt")
    assert names(draft) == ["plate", "class_1", "bus"]
    assert "plate is there more than once: it is one label." in draft.notes
    assert names(read("names: !!python/object/apply:os.system [plate]", "data.yaml")) == ["plate"]  # no tag is obeyed
    assert any("nc: 5" in note for note in read("names: [a, b]\nnc: 5\nkpt_shape: [17, 3]", "data.yaml").notes)


def test_a_labelling_configuration_is_read_with_colours_keys_and_questions():
    draft = read(CONFIG, "config.xml")
    assert (draft.origin, draft.task) == ("Label Studio", "detection")
    assert draft.labels == [{"name": "Car", "color": "#008000", "shortcut": "c"}, {"name": "coach", "color": "#010203"}]
    assert kinds(draft) == {
        "weather": ("select", ["dry", "wet"], "sample"),
        "dent": ("checkbox", [], "box"),
        "rust": ("checkbox", [], "box"),
        "speed": ("number", [], "sample"),
    }
    assert draft.attributes[0]["required"] is True
    assert any("shortcut of coach" in note for note in draft.notes)
    assert read({"label_config": CONFIG}).labels == draft.labels


@pytest.mark.parametrize(
    ("config", "task", "labels"),
    [
        (
            '<View><Choices name="c" toName="i"><Choice value="yes"/><Choice value="no"/></Choices></View>',
            "classification",
            ["yes", "no"],
        ),
        ('<View><TextArea name="plate" toName="image"/></View>', "text", []),
        ('<View><BrushLabels name="b"><Label value="road"/></BrushLabels></View>', "detection", ["road"]),
    ],
)
def test_the_task_follows_from_the_questions(config, task, labels):
    draft = read(config, "config.xml")
    assert (draft.task, names(draft)) == (task, labels)


def test_an_export_of_label_studio_tells_what_was_used():
    box = {"type": "rectanglelabels", "from_name": "label", "value": {"x": 1, "rectanglelabels": ["Car"]}}
    mood = {"type": "choices", "from_name": "weather", "value": {"choices": ["dry"]}}
    draft = read(
        [{"id": 1, "data": {}, "annotations": [{"result": [box, mood]}]}, {"id": 2, "completions": [{"result": [box]}]}]
    )
    assert (names(draft), kinds(draft)) == (["Car"], {"weather": ("select", ["dry"], "sample")})
    assert draft.notes[0].startswith("An export names only what was used")
    assert read([{"annotations": [{"result": [mood]}]}]).task == "classification"


BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><annotations><meta>&b;</meta></annotations>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><View><Label value="&f;"/></View>'


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "a.json", "is empty"),
        (b"\xef\xbb\xbf \n", "a.json", "is empty"),
        (BOMB, "a.xml", "document type"),
        (OUTSIDE, "a.xml", "document type"),
        ("<View>" * 100, "a.xml", "too large or too deep"),
        ("<View><Label", "a.xml", "no XML"),
        ("<annotation><object/></annotation>", "a.xml", "holds no schema"),
        ("<View/>", "a.xml", "names no label"),
        ("{", "a.json", "no JSON"),
        ("[" * 100_000, "a.json", "no JSON"),
        ("{}", "a.json", "holds no schema"),
        ('{"categories": []}', "a.json", "names no label"),
        ("names: [a", "data.yaml", "no YAML"),
        ("? [a]\n: b\nnames: x", "data.yaml", "YAML"),
        ("nc: 2", "data.yaml", "names: a list"),
        ("train = a\nnames = obj.names", "obj.data", "obj.names"),
        ("0 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1", "a.txt", "boxes, not names"),
        (b"\xff\xfa\x00plate", "classes.txt", "not UTF-8"),
        ("a\0b", "classes.txt", "no text"),
        ("a" * 400_000, "classes.txt", "never so long"),
        (b" " * (schema_files.MAX_BYTES + 1), "a.json", "64 MB"),
    ],
)
def test_what_is_no_schema_is_refused_with_a_sentence(content, name, sentence):
    with pytest.raises(Invalid, match=sentence):
        read(content, name)


def test_a_thousand_labels_are_taken_and_more_are_said():
    draft = read("\n".join(f"part {number}" for number in range(1_200)), "classes.txt")
    assert len(draft.labels) == schema_reading.MAX_LABELS
    assert any("1,200" in note for note in draft.notes)
    long = read("x" * 80 + "\n" + "a\tb\n", "classes.txt")
    assert names(long) == ["x" * 60, "a b"]


def test_too_many_elements_are_not_built():
    with pytest.raises(markup.NotMarkup, match="too large"):
        markup.parse(b"<a>" + b"<b/>" * (markup.MAX_ELEMENTS + 1) + b"</a>")
