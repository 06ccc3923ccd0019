"""`cc-edge upload` as a city's cron runs it: cc-edge.toml, CSV, a command, filters, a dry run, a limit of time, a proxy."""

import contextlib
import csv
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from accounts.actions import access_key
from cc_edge import cli
from learning.models import BatchState, LearningSample, UploadBatch
from tests.certificates import self_signed
from tests.edge.live import end, run, serve_store_at, start
from tests.edge.proxies import connect_proxy, door_of_tls
from tests.edge.test_upload import delivered, item, pune, upload, verified, write_source

__all__ = ["pune", "upload"]
EXAMPLES = Path(__file__).parents[2] / "edge" / "examples"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def city(live_server, pune, tmp_path):
    """A folder with a cc-edge.toml; answers how to call cc-edge there."""
    _, key = access_key.issue(pune.user, by=None)
    (tmp_path / "key").write_text(key)

    def write(more="", **changes):
        kept = {"hub": live_server.url, "city": "city_pune", "key_file": "key", "state": "state", **changes}
        lines = [f"{name} = {json.dumps(value)}" for name, value in kept.items()]
        (tmp_path / "cc-edge.toml").write_text("\n".join([*lines, more]))
        return ("upload", "--config", tmp_path / "cc-edge.toml")

    return write


def sent(*arguments):
    process = start(*arguments)
    verified(process)
    return end(process)


def write_csv(folder, rows, delimiter=";"):
    write_source(folder, [item(number) for number in range(len(rows))])
    (folder / "samples.jsonl").unlink()
    with (folder / "plates.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["Id", "Kamera", "Zeit", "Gelesen", "Sicher", "Bild", "Status"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def row(number: int, **changes) -> dict:
    return {
        "Id": f"e-{number}",
        "Kamera": "cam-1",
        "Zeit": "2026-11-20T08:00:00+05:30",
        "Gelesen": str(number % 10),
        "Sicher": "0.8",
        "Bild": f"images/{number}.jpg",
        "Status": "correct",
        **changes,
    }


MAP = """
[csv]
delimiter = ";"
[defaults]
ai_module = "digits"
[map]
event_id = "Id"
camera_id = "Kamera"
captured_at = "Zeit"
"prediction.label" = "Gelesen"
confidence = "Sicher"
file = "Bild"
label_status = "Status"
"""


def test_a_csv_is_read_by_its_mapping_and_what_is_wrong_has_its_reason(city, tmp_path):
    write_csv(tmp_path / "source", [row(0), row(1), row(2, Sicher="much"), row(3, Status="unsure"), row(4, Bild="../x.jpg")])
    before = {path: path.read_bytes() for path in (tmp_path / "source").rglob("*") if path.is_file()}
    ended = sent(*city(MAP, source="source/plates.csv"))
    assert ended.code == 3, ended.said
    [said] = ended.lines
    assert (said["accepted"], said["skipped"], said["rejected"]) == (2, 1, 2)
    assert said["reasons"] == {"malformed": 1, "outside_folder": 1}
    sample = LearningSample.objects.get(event_id="e-1")
    assert (sample.prediction, sample.confidence) == ({"label": "1"}, 0.8)
    assert {path: path.read_bytes() for path in (tmp_path / "source").rglob("*") if path.is_file()} == before


def test_a_mapped_column_that_is_not_there_is_a_wrong_configuration(city, tmp_path):
    write_csv(tmp_path / "source", [row(0)])
    ended = run(*city(MAP.replace('"Id"', '"Nummer"'), source="source/plates.csv"))
    assert (ended.code, "Nummer" in ended.said) == (6, True)


def test_a_command_prints_the_samples(city, tmp_path):
    write_source(tmp_path / "source", [item(number) for number in range(3)])
    command = f"{sys.executable} -c \"print(open('{tmp_path}/source/samples.jsonl').read())\""
    ended = sent(*city(images="source", from_command=command))
    assert ended.code == 0, ended.said
    assert ended.lines[0]["accepted"] == 3


def test_a_command_that_fails_seals_nothing(city, tmp_path):
    write_source(tmp_path / "source", [item(0)])
    program = f"print(open('{tmp_path}/source/samples.jsonl').read()); raise SystemExit(9)"
    ended = run(*city(images="source"), "--from-command", f'{sys.executable} -c "{program}"')
    assert (ended.code, ended.lines) == (6, [])
    assert "ended with 9" in ended.said
    assert UploadBatch.objects.get().state == BatchState.OPEN
    assert run(*city(images="source"), "--from-command", "/no/such/program").code == 6


def test_filters_choose_the_same_lines_each_time(city, tmp_path):
    items = [item(number, captured_at=f"2026-11-{10 + number % 4}T08:00:00+05:30") for number in range(40)]
    items += [item(40, confidence=0.99), item(41, label_status="changed", correction={"label": "2"})]
    write_source(tmp_path / "source", items)
    filters = """
    [filter]
    label_status = ["correct"]
    max_confidence = 0.9
    captured_from = 2026-11-11
    captured_to = 2026-11-12
    every_nth = 2
    at_most_a_day = 3
    """
    arguments = (*city(filters, source="source"), "--dry-run")
    first, second = run(*arguments), run(*arguments)
    assert first.code == 0, first.said
    assert first.lines[0]["accepted"] == second.lines[0]["accepted"] <= 6
    assert first.lines[0]["accepted"] + first.lines[0]["skipped"] == 42
    assert not UploadBatch.objects.exists()
    assert run(*city("[filter]\nevery = 2", source="source")).code == 6


def test_a_dry_run_needs_neither_hub_nor_key(city, tmp_path):
    write_source(tmp_path / "source", [item(0), item(1, file="images/none.png")])
    ended = run(*city(source="source", hub="http://127.0.0.1:9", key_file="none"), "--dry-run")
    assert ended.code == 3, ended.said
    [said] = ended.lines
    assert (said["state"], said["accepted"], said["rejected"], said["uploaded"]) == ("dry run", 1, 1, 0)
    assert said["bytes"] > 0
    assert not (tmp_path / "state").exists()


def test_when_its_time_is_up_it_stops_and_the_next_run_goes_on(upload, tmp_path):
    write_source(tmp_path / "source", [item(number) for number in range(40)])
    arguments, options = upload("--max-minutes", "0.001")
    ended = run(*arguments, **options)
    assert ended.code == 4, ended.said
    [said] = ended.lines
    assert said["uploaded"] < 40
    [said] = delivered(upload).lines
    assert (said["accepted"], said["state"]) == (40, "registered")
    assert UploadBatch.objects.count() == 1


@pytest.fixture
def far_away(live_server, settings, tmp_path, monkeypatch):
    """The hub behind TLS of a private authority and a CONNECT proxy; answers its address and what the proxy was asked."""
    context, authority = self_signed(tmp_path)
    with door_of_tls(live_server.url, context) as url, connect_proxy() as (proxy, asked):
        serve_store_at(url, settings)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        yield url, asked


def test_it_goes_through_the_proxy_and_believes_the_named_authority(far_away, city, tmp_path, monkeypatch, settings):
    url, asked = far_away
    write_source(tmp_path / "source", [item(number) for number in range(4)])
    ended = sent(*city(source="source", hub=url))
    assert ended.code == 0, ended.said
    assert ended.lines[0]["accepted"] == 4
    assert f"CONNECT {urlsplit(url).netloc}" in asked
    asked.clear()
    checked = run("check", "--config", tmp_path / "cc-edge.toml")
    assert checked.code == 0, checked.said
    proxy = urlsplit(os.environ["HTTPS_PROXY"]).netloc
    assert f"{proxy} (proxy)" in checked.lines[0]["firewall"]
    assert asked
    asked.clear()
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert run("check", "--config", tmp_path / "cc-edge.toml").code == 0
    assert not asked
    monkeypatch.delenv("SSL_CERT_FILE")
    checked = run("check", "--config", tmp_path / "cc-edge.toml")
    assert (checked.code, checked.lines[0]["checks"]["certificate"]["ok"]) == (6, False)


@pytest.mark.parametrize(
    "text",
    ["hub = 1", "[filter]\nmin_quality = 3", "[map]\na = 1", "no toml", "[csv]\nquote = 'x'", "[filter]\nat_most_a_day = 0"],
)
def test_a_file_that_is_not_understood_is_exit_code_six(text, tmp_path, capsys):
    (tmp_path / "cc-edge.toml").write_text(text)
    assert cli.main(["upload", "--config", str(tmp_path / "cc-edge.toml")]) == 6
    assert "cc-edge.toml" in capsys.readouterr().err


def test_without_a_source_or_with_two_there_is_nothing_to_do(city, tmp_path):
    assert run(*city()).code == 6
    write_source(tmp_path / "source", [item(0)])
    assert run(*city(), tmp_path / "source", "--from-command", "true").code == 6


def example(name, tmp_path, live_server, pune):
    """Lay out an example as a city would, with images of its own."""
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder)
    (folder / "key").write_text(access_key.issue(pune.user, by=None)[1])
    write_source(folder, [item(number, file=f"images/{number}.jpg") for number in (1001, 1002, 1003, 1004)])
    (folder / "samples.jsonl").unlink()
    return ("upload", "--config", folder / "cc-edge.toml", "--hub", live_server.url, "--state", tmp_path / "state")


def test_the_example_of_a_csv(tmp_path, live_server, pune):
    ended = sent(*example("csv", tmp_path, live_server, pune))
    assert ended.code == 0, ended.said
    assert (ended.lines[0]["accepted"], ended.lines[0]["skipped"]) == (2, 2)
    changed = LearningSample.objects.get(event_id="d-1002")
    assert (changed.prediction, changed.truth) == ({"label": "8"}, {"label": "3"})


def test_the_example_of_a_command(tmp_path, live_server, pune, monkeypatch):
    arguments = example("command", tmp_path, live_server, pune)
    with contextlib.closing(sqlite3.connect(tmp_path / "command" / "detections.sqlite3")) as database:
        database.execute("CREATE TABLE detections (id, camera, seen_at, model_read, person_read, sure, image)")
        rows = [
            (1001, "gate-1", "2026-11-20 08:00:00", "3", "3", 0.9, "1001.jpg"),
            (1002, "gate-1", "2026-11-20 08:00:07", "8", "3", 0.5, "1002.jpg"),
            (1003, "gate-2", "2026-11-20 08:01:30", "1", None, 0.4, "1003.jpg"),
            (1004, "gate-2", "2026-10-01 08:02:10", "7", "7", 0.6, "1004.jpg"),
        ]
        database.executemany("INSERT INTO detections VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        database.commit()
    monkeypatch.chdir(tmp_path / "command")
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", str(EXAMPLES.parent)))
    ended = sent(*arguments)
    assert ended.code == 0, ended.said
    assert ended.lines[0]["accepted"] == 2
    assert set(LearningSample.objects.values_list("event_id", flat=True)) == {"d-1001", "d-1002"}
