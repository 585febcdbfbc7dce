# One image for every service of the suite: the command says which.
FROM python:3.11.14-slim-bookworm AS build
# The one place of this version: scripts/setup.sh reads it here.
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir "uv==$UV_VERSION"
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE* ./
COPY shared ./shared
COPY services ./services
COPY profiles ./profiles
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/hallpulse
RUN uv sync --frozen --no-dev --no-editable --extra suite

FROM python:3.11.14-slim-bookworm
# The reports' PDFs take their fonts along.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent hallpulse && \
    install --directory --owner=10001 --group=10001 /reports /login
COPY --from=build /opt/hallpulse /opt/hallpulse
WORKDIR /app
COPY plans ./plans
COPY calendars ./calendars
ENV PATH=/opt/hallpulse/bin:$PATH PYTHONUTF8=1 PYTHONUNBUFFERED=1 \
    HALLPULSE_PLANS=/app/plans HALLPULSE_CALENDARS=/app/calendars HALLPULSE_HOST=0.0.0.0 \
    HALLPULSE_REPORTS_DIR=/reports
USER 10001:10001
CMD ["hallpulse", "--help"]
