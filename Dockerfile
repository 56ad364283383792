# syntax=docker/dockerfile:1
# Built with the locks of requirements/, run as a user without rights.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements/build.txt requirements/run.txt requirements/
RUN pip install --require-hashes -r requirements/build.txt \
 && pip wheel --require-hashes --no-build-isolation --no-deps \
        --wheel-dir /wheels -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY batch batch
COPY migrations migrations
COPY examples examples
RUN pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python -m venv /opt/vod-batch \
 && /opt/vod-batch/bin/pip install --disable-pip-version-check --no-cache-dir \
        --no-index --no-deps /wheels/*.whl \
 && groupadd --gid 10001 vod-batch \
 && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin vod-batch \
 && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/vod-batch
ENV PATH=/opt/vod-batch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VOD_BATCH_HOME=/var/lib/vod-batch
# The journals live here: keep it on a volume.
VOLUME /var/lib/vod-batch
WORKDIR /lists
USER 10001:10001
ENTRYPOINT ["vod-batch"]
CMD ["--help"]
