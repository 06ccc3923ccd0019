"""[keypress] on the review page, in Chromium: from the key that decides to the next picture on the screen; and the page's size.

`ROWS` samples wait, each with a camera's picture of its own, served by the hub's file store. A person presses Enter, looks for
`LOOK` seconds, and presses it again: meanwhile the pictures of the next two are fetched.
"""

import io
import json
import os
import shutil
import socket
import statistics
import time
from typing import Any

from benchmarks._hub import load, own_hub, resident_mb

ROWS = int(os.environ.get("ROWS", "150"))
LOOK = float(os.environ.get("LOOK", "0.3"))
LIMIT_MS = 100
PICTURE = (1280, 720)
WATCH = """
  window.took = [];
  let pressed = 0;
  addEventListener('keydown', (event) => { pressed = event.timeStamp; }, { capture: true });
  addEventListener('DOMContentLoaded', () => new MutationObserver(() => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel(); // its message comes after the frame is painted
    port1.onmessage = () => { if (pressed) took.push(performance.now() - pressed); pressed = 0; };
    port2.postMessage(0);
  })).observe(document.querySelector('[data-canvas]'), { childList: true }));
"""
SIZES = """() => performance.getEntriesByType('resource').filter(({ initiatorType }) => initiatorType !== 'img')
  .concat(performance.getEntriesByType('navigation')).map(({ encodedBodySize, decodedBodySize }) => [encodedBodySize, decodedBodySize])"""


def main() -> None:
    with socket.socket() as probe:  # the store signs for the address of the web, which must be known before settings are read
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with own_hub(PUBLIC_URL=f"http://127.0.0.1:{port}") as folder:
        from config.processes import Processes

        _fill()
        hub = Processes(f"127.0.0.1:{port}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            began = time.perf_counter()
            figures = {**_press(hub.url), "seconds": round(time.perf_counter() - began, 2)}
            figures["rss_mb"] = resident_mb(hub.running["web"].pid)
        finally:
            hub.stop()
        reference = {
            "reference": "what feels immediate",
            "reference_value": LIMIT_MS,
            "ratio": round(LIMIT_MS / figures["ours"], 1),
        }
        print(json.dumps({"name": "keypress", **figures, **reference, "rows": ROWS, **load()}))


def _press(url: str) -> dict[str, Any]:
    """Judge all but the last samples by Enter; answers how long the pictures took, and what the page weighs."""
    from playwright.sync_api import sync_playwright

    session = _session()  # before Playwright's loop, in which Django would not ask its database
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800}).new_page()
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        page.add_init_script(WATCH)
        page.goto("/review/plates/")
        page.locator("[data-review][aria-busy=false] [data-canvas] img:not([hidden])").wait_for()
        sizes = page.evaluate(SIZES)
        for number in range(1, ROWS):
            page.wait_for_timeout(1_000 * LOOK)
            page.keyboard.press("Enter")
            page.wait_for_function(f"took.length >= {number}")
        took = sorted(page.evaluate("took"))
        browser.close()
    return {
        "ours": round(statistics.median(took), 1),
        "unit": "ms",
        "p95_ms": round(took[int(len(took) * 0.95)], 1),
        "page_kb": round(sum(size for size, _ in sizes) / 1024),
        "page_unpacked_kb": round(sum(size for _, size in sizes) / 1024),
        "requests": len(sizes),
    }


def _session() -> str:
    from django.test import Client

    from accounts.models import Role, User

    browser = Client()
    ann = User.objects.create(name="Ann", email="ann@example.org", role=Role.ANNOTATOR)
    browser.force_login(ann)
    return browser.cookies["sessionid"].value


def _fill() -> None:
    """Let ROWS plates wait, each read in a picture of a street."""
    from django.utils import timezone

    from learning.actions import city, module
    from learning.actions.object import store_bytes
    from learning.models import Camera, LearningSample, ReviewSlot, StoredObject

    plates = module.add("plates", by=None, name="Plates", task="text", labels=["plate"])
    pune = city.add("city_pune", by=None)
    camera = Camera.objects.create(city=pune, camera_id="cam")
    for number in range(ROWS):
        metadata = {"city_id": pune.slug, "event_id": f"e-{number}"}
        kept = store_bytes(_picture(number), kind="image", media_type="image/jpeg", metadata=metadata)
        text = f"MH12AB{number:04d}"
        sample = LearningSample.objects.create(
            module=plates,
            city=pune,
            camera=camera,
            object=kept,
            sample_id=f"s-{number}",
            event_id=f"e-{number}",
            group_key=f"e-{number}",
            captured_at=timezone.now(),
            state="pending",
            prediction={"text": text, "boxes": [{"label": "plate", "bbox": [600, 400, 104, 26], "text": text}]},
            confidence=0.9,
        )
        ReviewSlot.opened(sample).save()
    StoredObject.objects.update(verified_at=timezone.now(), width=PICTURE[0], height=PICTURE[1])


def _picture(number: int) -> bytes:
    """A picture as heavy as a camera's: about 100 KB of JPEG."""
    from PIL import Image, ImageFilter

    image = Image.effect_noise(PICTURE, 60).filter(ImageFilter.GaussianBlur(1.5)).convert("RGB")
    image.putpixel((0, 0), (number % 256, number // 256, 0))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
