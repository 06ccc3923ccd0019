"""What is shipped for running it: compose.yaml, the Dockerfile and their files name only what is there. No image is built here."""

import fnmatch
import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.urls import resolve

from config import reference
from config.celery import app

ROOT = Path(settings.BASE_DIR)
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: facts for name, facts in SERVICES.items() if "command-centre" in facts["image"]}
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
OF_THE_IMAGE = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_"}


def lines(word):
    return [line.removeprefix(word).strip() for line in DOCKERFILE.splitlines() if line.startswith(f"{word} ")]


def command_of(service):
    return SERVICES[service].get("command") or yaml.safe_load(lines("CMD")[-1])


@pytest.mark.parametrize("service", OURS)
def test_every_command_is_one(service):
    python, *rest = command_of(service)
    assert python == "python"
    if rest[0] == "manage.py":
        assert (ROOT / "manage.py").exists()
        assert rest[1] in get_commands()
        return
    assert rest[0] == "-m"
    assert importlib.util.find_spec(rest[1]) is not None
    if "--config" in rest:
        assert (ROOT / rest[rest.index("--config") + 1]).exists()
    if "--queues" in rest:
        routed = {route["queue"] for route in app.conf.task_routes.values()} | {app.conf.task_default_queue}
        assert rest[rest.index("--queues") + 1] in routed


def test_every_queue_has_a_worker_and_there_is_one_beat():
    commands = [" ".join(command_of(name)) for name in OURS]
    for queue in ("default", "training.cpu"):
        assert sum(f"--queues {queue} " in command for command in commands) == 1
    assert sum("config beat" in command or "--beat" in command for command in commands) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_waits_for_and_mounts_what_is_there(service):
    facts = SERVICES[service]
    assert set(facts.get("depends_on", {})) <= set(SERVICES)
    for other, waits in facts.get("depends_on", {}).items():
        if waits["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"].get("test"), f"{other} never becomes healthy"
        else:
            assert SERVICES[other]["restart"] == "no", f"{other} never completes"
    for volume in facts.get("volumes", []):
        source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).partition(":")[0]
        assert source in COMPOSE["volumes"] or source == "./backups" or (ROOT / source).exists(), source
    assert "healthcheck" in facts
    if service in OURS and service != "migrate":
        assert facts["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_settings_are_ours_and_every_word_of_env_is_used():
    named = set(COMPOSE["x-hub"]["environment"])
    image = {pair.partition("=")[0] for line in lines("ENV") for pair in shlex.split(line)}
    assert named <= reference.names()
    assert image - OF_THE_IMAGE <= reference.names()
    example = {line.partition("=")[0] for line in (ROOT / "deploy" / "example.env").read_text().splitlines() if "=" in line}
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert example <= asked <= example | {"IMAGE"}
    assert {"SITE"} == set(re.findall(r"\{\$(\w+)\}", (ROOT / "deploy" / "Caddyfile").read_text()))


def test_the_proxy_lets_through_what_the_file_store_takes():
    told = (ROOT / "deploy" / "Caddyfile").read_text()
    assert int(re.findall(r"request_body /store/\* \{\s+max_size (\d+)MB", told)[0]) * 10**6 >= settings.MODEL_MAX_BYTES


def test_healthchecks_ask_what_answers():
    asked = re.findall(r"http://127\.0\.0\.1:8000(/\w+)", (ROOT / "compose.yaml").read_text() + DOCKERFILE)
    assert len(asked) >= 2
    for path in asked:
        assert resolve(path).url_name in {"live", "ready"}
        assert re.match(settings.SECURE_REDIRECT_EXEMPT[0], path[1:]), "no redirect to https where nobody speaks it"


def test_the_image_holds_what_runs_and_nobody_is_root():
    ignored = (ROOT / ".dockerignore").read_text().split()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = [source for line in lines("COPY") if not line.startswith("--from") for source in line.split()[:-1]]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, name) for name in kept), f".dockerignore leaves {source} out"
    packages = re.search(r"packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text())[1]
    assert {name.strip(' "') for name in packages.split(",")} | {"templates", "static", "edge", "manage.py"} <= set(copied)
    assert lines("USER") == ["hub"]
    assert "--require-hashes -r requirements.txt" in DOCKERFILE
    install = "--no-deps --no-build-isolation -e . -e ./edge"
    assert install in DOCKERFILE
    assert install in (ROOT / "Makefile").read_text(), "the image installs as everybody does"


def test_nothing_of_the_containers_is_open_to_the_world_but_the_proxy():
    assert [name for name, facts in SERVICES.items() if "ports" in facts] == ["proxy"]
    for facts in OURS.values():
        assert facts["read_only"]
        assert facts["cap_drop"] == ["ALL"]
