# One file for every image: what is shared, one folder of services/, the locked requirements, and nothing else.
#
#   docker build --build-arg SERVICE=serp -t landscape-serp .
#
# All layers but the last are the same for all services. compose.yaml builds and runs the whole system.
FROM python:3.13-slim AS requirements
WORKDIR /build
COPY requirements.lock .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=requirements /venv /venv
COPY shared shared
# A user without a name and without rights: nothing here is ever written to.
USER 65534:65534
ARG SERVICE
ENV SERVICE=$SERVICE
COPY services/$SERVICE services/$SERVICE
# A provider's worker. Gateway and simulator have commands of their own, see compose.yaml.
CMD ["sh", "-c", "exec python -m shared.runtime.run \"$SERVICE\""]
