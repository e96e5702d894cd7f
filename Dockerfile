# syntax=docker/dockerfile:1
# Falx for serving on CPUs: web, worker and beat run from this one image. No torch, no compiler.

FROM python:3.11-slim AS packages
RUN python -m venv /opt/venv
COPY requirements/serving.txt /tmp/serving.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/venv/bin/pip install --disable-pip-version-check -r /tmp/serving.txt

FROM python:3.11-slim
# What the server writes lives in volumes; the rest of the system may be read-only.
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin falx \
    && install -d -o falx -g falx /var/lib/falx /var/lib/falx/media /var/lib/falx/incoming
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/falx
COPY manage.py ./
COPY backend backend
COPY accounts accounts
COPY audit audit
COPY patients patients
COPY tumors tumors
COPY scans scans
COPY inference inference
COPY reports reports
COPY dicom dicom
COPY fhir fhir
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FALX_VAR=/var/lib/falx \
    MEDIA_ROOT=/var/lib/falx/media \
    PORT=8000
USER falx
EXPOSE 8000
VOLUME /var/lib/falx/media
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://localhost:{os.environ['PORT']}/health/live\", timeout=4)"]
CMD ["sh", "-c", "exec uvicorn backend.asgi:application --host 0.0.0.0 --port $PORT --lifespan off --no-server-header"]
