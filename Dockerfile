# The gateway as an image: no compiler, no shell needed to run, no root, nothing written but the ledger's folder.
#
#   docker build -t stormkeel .
#   docker run --rm -p 127.0.0.1:8787:8787 --read-only -v stormkeel:/var/lib/stormkeel -v ./deploy/stormkeel.toml:/etc/stormkeel/stormkeel.toml:ro \
#     -e OPENAI_API_KEY -e STORMKEEL_KEY_TEAM_A stormkeel
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY deploy/build.lock deploy/runtime.lock ./
RUN python -m venv /wheel && /wheel/bin/pip install --require-hashes -r build.lock \
    && python -m venv /opt/stormkeel && /opt/stormkeel/bin/pip install --require-hashes -r runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /wheel/bin/python -m hatchling build -t wheel \
    && /opt/stormkeel/bin/pip install --no-deps dist/*.whl \
    && /opt/stormkeel/bin/python -m compileall -q /opt/stormkeel/lib \
    && /opt/stormkeel/bin/pip uninstall -y pip

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="stormkeel" \
      org.opencontainers.image.description="Calls many LLM providers and stays upright when they don't" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin stormkeel \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/stormkeel
COPY --from=build /opt/stormkeel /opt/stormkeel
ENV PATH=/opt/stormkeel/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    STORMKEEL_CONFIG=/etc/stormkeel/stormkeel.toml STORMKEEL_DATA=/var/lib/stormkeel
USER 10001:10001
WORKDIR /var/lib/stormkeel
VOLUME /var/lib/stormkeel
EXPOSE 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8787/health/live', timeout=2)"]
# 0.0.0.0 is the container's own: without [[keys]] in the configuration the gateway refuses to listen there
ENTRYPOINT ["stormkeel"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8787"]
