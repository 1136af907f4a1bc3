"""What an orchestrator and Prometheus ask of this process; without a token."""

from typing import Final

from litestar import MediaType, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.gateway.dependencies import Gateway
from services.gateway.monitoring.checks import check_schema
from services.gateway.monitoring.verdict import OK

READY_BUDGET_SECONDS: Final = 1.0


@get("/livez", operation_id="livez", summary="This process answers. Nothing else is asked.", tags=["probes"])
async def livez() -> dict[str, str]:
    """No I/O: a store that is away is no reason to restart this process."""
    return {"gateway": OK}


@get(
    "/readyz", operation_id="readyz", summary="Can requests be served? 503 with the reason.", tags=["probes"]
)
async def readyz(gateway: NamedDependency[Gateway]) -> Response[dict[str, str]]:
    """Postgres and its schema, within a second."""
    checks = await check_schema(gateway, READY_BUDGET_SECONDS)
    ready = all(outcome == OK for outcome in checks.values())
    return Response(checks, status_code=200 if ready else 503)


@get(
    "/metrics",
    media_type=MediaType.TEXT,
    operation_id="metrics",
    summary="Prometheus metrics of this process and of the record.",
    tags=["probes"],
)
async def metrics(state: State, gateway: NamedDependency[Gateway]) -> Response[bytes]:
    """Of this application's own registry; the record is read anew when it was not just now."""
    await state.record_gauges.refresh(gateway)
    return Response(generate_latest(state.registry), media_type=CONTENT_TYPE_LATEST)
