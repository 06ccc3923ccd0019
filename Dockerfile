# One image for web, workers, beat and commands; compose.yaml says which runs what.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md ./
COPY edge ./edge
COPY manage.py ./
COPY core ./core
COPY accounts ./accounts
COPY learning ./learning
COPY training ./training
COPY deployments ./deployments
COPY config ./config
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . -e ./edge \
    && /venv/bin/python -m compileall -q /app

FROM python:3.11-slim-bookworm
# pg_dump and psql: backup and restore
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin hub \
    && install -d -o hub -g hub /var/lib/command-centre /var/lib/command-centre/trust /var/lib/command-centre/store /backups
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY templates /app/templates
COPY static /app/static
COPY docs/wire /app/docs/wire
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VAR_DIR=/var/lib/command-centre \
    MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=262144
WORKDIR /app
USER hub
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
CMD ["python", "-m", "gunicorn", "config.wsgi", "--config", "config/gunicorn.py", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "16", "--preload", "--no-control-socket", "--timeout", "60"]
