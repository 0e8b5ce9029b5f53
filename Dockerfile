# The gateway and its workers as one image: the wheel is built in one stage, and only the wheel and its pinned
# dependencies are kept. Nothing secret is in it: the site's folder and its secrets are mounted (docker-compose.yml).
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /wheels /wheels
RUN wheel=$(echo /wheels/casebridge-*.whl) \
    && python -m pip install --no-cache-dir -c /tmp/constraints.txt "${wheel}[postgres]" \
    && rm -rf /wheels /tmp/constraints.txt \
    && useradd --uid 1000 --create-home casebridge
USER casebridge
WORKDIR /site
# Two arenas: with one for each thread glibc keeps a fifth more memory that was used once for a large file.
ENV PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2
STOPSIGNAL SIGTERM
ENTRYPOINT ["casebridge"]
CMD ["serve"]
