"""How much waits in the queues, asked of Redis or of the folder that stands for it."""

import os
from pathlib import Path

from django.conf import settings

QUEUES = ("default", "training.cpu", "training.gpu")
PATIENCE = 2.0


def lengths() -> dict[str, int]:
    """Answer the number of messages by queue; a queue that does not answer is left out."""
    return _of_redis() if settings.REDIS_URL else _of_folder()


def _of_redis() -> dict[str, int]:
    import redis

    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE) as server:
            return {queue: int(server.llen(queue)) for queue in QUEUES}
    except redis.RedisError:
        return {}


def _of_folder() -> dict[str, int]:
    folder = Path(settings.CELERY["broker_transport_options"]["data_folder_in"])
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    return {queue: sum(name.endswith(f".{queue}.msg") for name in names) for queue in QUEUES}
