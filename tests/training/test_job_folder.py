"""The folder of a job, taken along: downloaded, fetched into and done on another machine as a worker does it."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile

import pytest
from django.urls import reverse

from tests import people
from tests.edge.live import serve_store_at
from tests.factories import training as make
from tests.pages import looking, text_of
from tests.training.job_folders import Heard, folder
from training.bundle import read_bundle
from training.fetching import fetch
from training.models import TrainingRun
from training.trainers.work import Unfit, Work


def archive_of(client, job):
    answer = client.get(reverse("api-job-folder", args=[job.pk]))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


@pytest.mark.django_db(transaction=True)
def test_a_downloaded_job_runs_on_another_machine(live_server, settings, tmp_path):
    serve_store_at(live_server.url, settings)
    ada = people.ada()
    job, client = make.training_job(ada, seed=5, training_config={"time_limit_seconds": 60}), looking(ada)
    archive = archive_of(client, job)
    assert sorted(archive.namelist()) == ["README.txt", "job.json", "manifest.jsonl"]
    assert b"python -m training.runner FOLDER" in archive.read("README.txt")
    there = tmp_path / "laptop"
    archive.extractall(there)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    done = subprocess.run(
        [sys.executable, "-m", "training.runner", there],
        stdin=subprocess.PIPE,
        env=environment,
        capture_output=True,
        check=False,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, said[-1]["event"]) == (0, "done"), done.stderr
    assert any("files fetched" in event.get("text", "") for event in said)
    assert read_bundle(there / "artifact" / "bundle.zip").config["module"] == "meter_digits"
    for path in (there / "objects").glob("??/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    assert not TrainingRun.objects.exists()
    page = text_of(client.get(reverse("training:job", args=[job.pk])))
    assert "Download job folder" in page
    assert "take along" in page  # who had the addresses of its images


@pytest.mark.django_db
def test_what_is_gone_has_no_address_and_who_may_not_read_gets_none():
    ada = people.ada()
    job = make.training_job(ada)
    member = job.dataset_version.members.first()
    lines = archive_of(looking(ada), job).read("manifest.jsonl").splitlines()
    assert len(lines) == 40
    assert all(json.loads(line)["url"].startswith("http") for line in lines)
    member.sample.object.samples.update(object=None)
    type(member.sample.object).objects.filter(pk=member.sample.object_id).update(deleted_at="2026-11-21T00:00Z")
    gone = [json.loads(line) for line in archive_of(looking(ada), job).read("manifest.jsonl").splitlines()]
    assert [line["sample_id"] for line in gone if line["url"] is None] == [member.sample.sample_id]
    assert looking(people.rhea()).get(reverse("api-job-folder", args=[job.pk])).status_code in (403, 404)


def test_what_cannot_be_fetched_is_said(tmp_path):
    path = folder(tmp_path / "job", "mlp_classifier", "classification", counts=(1, 0, 0), facts={"fetch": []})
    manifest = json.loads((path / "manifest.jsonl").read_text())
    for url, sentence in ((None, "is gone from the hub's store"), ("file:///etc/passwd", "is gone from the hub's store")):
        told = {**manifest, "file": "absent", "url": url, "object": {"sha256": "0"}}
        (path / "manifest.jsonl").write_text(json.dumps(told) + "\n")
        with pytest.raises(Unfit, match=sentence):
            fetch(Work(path, Heard()))
    assert not (path / "objects" / "absent").exists()
