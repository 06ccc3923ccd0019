"""Settled samples with real objects, datasets and frozen versions, made by the verbs where there is one."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image

from core.canonical import canonical_sha256
from learning.actions import city as city_verbs
from learning.actions import module as module_verbs
from learning.actions import object as object_verbs
from learning.models import AiModule, Camera, City, LearningSample, ObjectKind, SampleState
from training.actions import dataset, job, version

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DIGITS = [str(digit) for digit in range(10)]


def module(by, slug="meter_digits", labels=tuple(DIGITS)) -> AiModule:
    found = AiModule.objects.filter(slug=slug).first()
    return found or module_verbs.add(slug, by=by, name="Meter digits", task="classification", labels=list(labels))


def city(by, slug="city_pune", organization=None) -> City:
    found = City.objects.filter(slug=slug).first()
    return found or city_verbs.add(slug, by=by, organization=organization)


def png(pixels: np.ndarray, size: int = 32) -> bytes:
    """An 8-bit grey image of `pixels` (0..16, as scikit-learn's digits), enlarged without smoothing."""
    image = Image.fromarray((np.asarray(pixels, dtype=np.float64) * 255 / 16).round().astype(np.uint8), mode=None)
    out = io.BytesIO()
    image.resize((size, size), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def sample(of: AiModule, place: City, number: int, *, label="1", content: bytes | None = None, **fields) -> LearningSample:
    """The `number`-th settled sample of a city, with its object in the store."""
    content = png(np.full((8, 8), number % 17)) if content is None else content
    kept = object_verbs.store_bytes(
        content, kind=ObjectKind.IMAGE, media_type="image/png", metadata={"city_id": place.slug, "event_id": f"e-{number}"}
    )
    camera = Camera.objects.get_or_create(city=place, camera_id="cam-1")[0]
    truth = {"label": label}
    facts = {
        "sample_id": f"{place.slug}-{number}",
        "event_id": f"e-{number}",
        "group_key": f"{place.slug}:e-{number}",
        "captured_at": NOON + timedelta(seconds=number),
        "state": SampleState.SETTLED,
        "label_status": "correct",
        "image_quality_score": 0.5,
        "truth": truth,
        "truth_sha256": canonical_sha256(truth),
    }
    return LearningSample.objects.create(module=of, city=place, camera=camera, object=kept, **{**facts, **fields})


def samples(by, count: int, *, labels=DIGITS) -> list[LearningSample]:
    of, place = module(by), city(by)
    return [sample(of, place, number, label=labels[number % len(labels)]) for number in range(count)]


def digits(by, count: int = 400) -> list[LearningSample]:
    """The first `count` handwritten digits that ship with scikit-learn, as settled samples."""
    from sklearn.datasets import load_digits

    known = load_digits()
    of, place = module(by), city(by)
    return [
        sample(of, place, number, label=str(known.target[number]), content=png(known.images[number])) for number in range(count)
    ]


def dataset_of(by, name="meter-digits", **options):
    """A dataset of the module, refreshed."""
    made = dataset.add(by=by, name=name, module=module(by), **options)
    dataset.refresh(made, by=by)
    return made


def frozen(by, of=None, number="v1.0.0", **options):
    """A frozen version of a dataset (made where none is given)."""
    begun = version.create(of or dataset_of(by), by=by, version=number, **options)
    done = version.freeze(begun.pk)
    assert done is not None
    return done


def training_job(by, of_version=None, **options):
    """A queued job on a frozen version (of forty samples where none is given)."""
    if of_version is None:
        samples(by, 40)
        of_version = frozen(by, seed=7)
    facts = {"name": "digits", "module": of_version.dataset.module, "trainer": "mlp_classifier", "hyperparameters": QUICK}
    return job.create(by=by, dataset_version=of_version, **{**facts, **options})


QUICK = {"hidden_units": 4, "max_epochs": 2}
