# The service, and nothing that trains: app/ and the dependencies of a request, run by nobody in particular.
# Build: make image · Run: docker compose up · For production pin the base image by digest (PYTHON_IMAGE).
ARG PYTHON_IMAGE=python:3.13-slim-trixie

# ── Dependencies, exactly as locked ─────────────────────────────────────────────────────────────────────────
FROM ${PYTHON_IMAGE} AS builder
WORKDIR /srv/kith
ENV UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1 \
    UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never
COPY tools/uv.txt /opt/uv.txt
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r /opt/uv.txt
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv sync --locked --no-default-groups

# ── What runs ───────────────────────────────────────────────────────────────────────────────────────────────
FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Kith" \
      org.opencontainers.image.description="Calibrated customer scores with reasons, over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# libgomp1 is LightGBM's OpenMP runtime. The numbers of the user are fixed so that a volume can be given to it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 kith \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin kith \
    && install -d -o kith -g kith -m 0755 /srv/kith/models \
    && install -d -o kith -g kith -m 0700 /srv/kith/var
WORKDIR /srv/kith
COPY --from=builder /srv/kith/.venv .venv
COPY app app
# Compiled here, because the root file system is read-only later.
RUN .venv/bin/python -m compileall -q app
# The service listens on 127.0.0.1 alone, because it asks nobody for a key yet: run it in the network of the host
# (compose.yaml) or of a proxy.
ENV PATH=/srv/kith/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    KITH_PORT=8000 \
    KITH_MODELS=/srv/kith/models \
    KITH_VAR=/srv/kith/var
USER 10001:10001
VOLUME ["/srv/kith/models", "/srv/kith/var"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['KITH_PORT']}/readyz\", timeout=2)"]
CMD ["python", "-m", "app"]
