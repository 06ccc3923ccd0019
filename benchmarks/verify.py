"""[verify] objects through the verification of one sealed batch with two workers: read, hashed, decoded, written, thumbnails.

The reference is the same looking at the same files in a plain script of two processes, which stores nothing. `ROWS` says how
many objects there are; they are photos made here, of 640 × 480.
"""

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image, ImageFilter

from benchmarks._hub import own_hub, resident_mb

ROWS = int(os.environ.get("ROWS", "2000"))
WORKERS = 2
PLAIN = """
import sys
from pathlib import Path
from learning.looking import look
print("ready", flush=True)
sys.stdin.readline()
for path in sys.argv[1:]:
    look(Path(path).read_bytes(), media_type="image/jpeg", max_pixels=50_000_000)
"""


def main() -> None:
    os.environ.setdefault("DECODERS", "1")
    with tempfile.TemporaryDirectory() as pictures, own_hub() as folder:
        paths = _made(Path(pictures))
        reference = _plain(paths)
        figures = _measure(paths, folder)
        print(
            json.dumps(
                {
                    "name": "verify",
                    **figures,
                    "reference": "the same decoding in two plain processes",
                    "reference_value": round(reference),
                    "ratio": round(figures["ours"] / reference, 3),
                }
            )
        )


def _made(folder: Path) -> list[Path]:
    """Make photos of blurred noise, which no two are alike."""
    dice = random.Random(7)  # noqa: S311  (pictures, not secrets)
    paths = []
    for number in range(ROWS):
        rough = Image.frombytes("RGB", (32, 24), dice.randbytes(32 * 24 * 3)).resize((640, 480), Image.Resampling.BICUBIC)
        path = folder / f"{number}.jpg"
        rough.filter(ImageFilter.UnsharpMask(3, 60)).save(path, "JPEG", quality=88)
        paths.append(path)
    return paths


def _plain(paths: list[Path]) -> float:
    """Answer the files per second of two plain processes."""
    scripts = [
        subprocess.Popen(
            [sys.executable, "-c", PLAIN, *map(str, paths[part::WORKERS])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        for part in range(WORKERS)
    ]
    for script in scripts:
        _heard(script)
    began = time.perf_counter()
    for script in scripts:
        script.communicate(b"\n")
    return len(paths) / (time.perf_counter() - began)


def _heard(process: subprocess.Popen[bytes]) -> None:
    """Wait for the next line that a process says."""
    assert process.stdout
    said = process.stdout.readline()
    assert said


def _measure(paths: list[Path], folder: Path) -> dict[str, Any]:
    """Upload by the verbs, seal, and let two workers verify; the clock runs from their start with libraries loaded."""
    from learning.models import LearningSample, SampleState, UploadBatch

    batch = _sealed(paths)
    code = (
        "import os, sys, django; django.setup()\n"
        "from learning.actions import batch\nfrom learning.decoding import look\n"
        f"look(open({str(paths[0])!r}, 'rb').read(), media_type='image/jpeg', max_pixels=50_000_000)\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        f"batch.verify({batch!r})\nprint('done', flush=True)\nsys.stdin.readline()\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(WORKERS)
    ]
    for worker in workers:
        _heard(worker)
    began = time.perf_counter()
    for worker in workers:
        assert worker.stdin
        worker.stdin.write(b"\n")
        worker.stdin.flush()
    for worker in workers:
        _heard(worker)
    seconds = time.perf_counter() - began
    memory = max(resident_mb(worker.pid) for worker in workers)
    for worker in workers:
        worker.communicate(b"\n")
    done = LearningSample.objects.exclude(state=SampleState.RECEIVED).count()
    assert (done, UploadBatch.objects.get().state) == (len(paths), "registered")
    return {
        "ours": round(len(paths) / seconds),
        "unit": "objects/s",
        "workers": WORKERS,
        "rows": len(paths),
        "seconds": round(seconds, 2),
        "rss_mb": memory,
        "bytes_each": round(sum(path.stat().st_size for path in paths) / len(paths)),
    }


def _sealed(paths: list[Path]) -> str:
    from core.storage import store
    from learning.actions import batch as batches
    from learning.actions import city, module
    from learning.models import LearningSample

    module.add("vehicles", by=None, name="Vehicles", task="classification", labels=["car"])
    pune = city.add("city_pune", by=None)
    opened, _ = batches.open_batch(pune, date(2026, 11, 20), by=pune.user)
    items = []
    for number, path in enumerate(paths):
        content = path.read_bytes()
        facts = {"size": len(content), "media_type": "image/jpeg", "sha256": hashlib.sha256(content).hexdigest()}
        items.append(
            {
                "event_id": f"e-{number}",
                "camera_id": "cam-1",
                "ai_module": "vehicles",
                "label_status": "correct",
                "captured_at": "2026-11-20T08:00:00Z",
                "prediction": {"label": "car"},
                "file": {**facts, "md5": hashlib.md5(content, usedforsecurity=False).hexdigest()},
            }
        )
    for start in range(0, len(items), 5_000):
        batches.add_items(opened, items[start : start + 5_000], by=pune.user)
    rows = LearningSample.objects.order_by("id").values_list("object__name", "object__metadata")
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda pair: store().put_new(
                    pair[0][0], io.BytesIO(pair[1].read_bytes()), media_type="image/jpeg", metadata=pair[0][1]
                ),
                zip(rows, paths, strict=True),
            )
        )
    ids, digest = batches.manifest(opened)
    batches.seal(opened, by=pune.user, items=len(ids), sha256=digest)
    return str(opened.pk)
