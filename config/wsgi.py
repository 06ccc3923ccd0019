"""The web process's entry: warm before its first request.

What the first requests would import is imported here, once and before the workers are forked (gunicorn --preload), and
frozen: the collector never walks it again, and the workers go on sharing its memory.
"""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

gc.disable()  # what is imported stays; looking for garbage in it again and again is a fifth of the start
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
get_resolver().reverse_dict  # noqa: B018  (walks the URLconf, which imports every view)
gc.collect()
gc.freeze()
gc.enable()
gc.set_threshold(20_000, 20, 20)  # a request of ten thousand items makes no cycles: do not look for them hundreds of times
