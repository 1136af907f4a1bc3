"""Progress of a pipeline and health of the system."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from services.gateway.dependencies import Gateway
from services.gateway.monitoring.checks import check_record, check_redis
from services.gateway.monitoring.schemas import (
    Progress,
    RetryReport,
    ServicePage,
    StandingPage,
    SystemHealth,
    WorkerPage,
    replicas,
)
from services.gateway.monitoring.verdict import NOT_CHECKED, OK, judge
from services.gateway.security import OF_PIPELINES
from shared.store.control import allowed
from shared.store.pipelines import get_pipeline_state
from shared.store.progress import phase_progress
from shared.store.retry_history import counted_since, retry_statistics
from shared.store.schedules import find_starter
from shared.store.snapshot import snapshot
from shared.store.standings import list_standings
from shared.store.workers import list_workers

#: For each store; health is asked for when something hangs.
HEALTH_BUDGET_SECONDS: Final = 3.0


class MonitoringController(Controller):
    """/api/v1/monitoring"""

    path = "/monitoring"
    tags = ("monitoring",)

    @get(
        "/pipeline/{pipeline_id:uuid}/progress",
        operation_id="getProgress",
        opt=OF_PIPELINES,
        summary="Items by phase and state.",
    )
    async def progress(self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]) -> Progress:
        """Sums of counters, all of one moment: cheap enough to ask every second."""
        async with gateway.connection() as conn, snapshot(conn):
            pipeline = await get_pipeline_state(conn, pipeline_id)
            phases = await phase_progress(conn, pipeline_id)
            starter = await find_starter(conn, pipeline_id)
        return Progress(
            pipeline_id,
            pipeline.state,
            pipeline.created_at,
            pipeline.ended_at,
            phases,
            pipeline.name,
            allowed(pipeline.state),
            starter,
        )

    @get("/retry-statistics", operation_id="getRetryStatistics", summary="Attempts that ended in an error.")
    async def retries(
        self, gateway: NamedDependency[Gateway], days: Annotated[float, QueryParameter(gt=0, le=366)] = 1.0
    ) -> RetryReport:
        """By phase and category, with what became of their items since; from a whole minute on, beyond two hours from a whole hour on."""
        since = counted_since(datetime.now(UTC), days)
        async with gateway.connection() as conn:
            return RetryReport(days, await retry_statistics(conn, since), since)

    @get("/workers", operation_id="listWorkers", summary="Every process of a service, and what it does.")
    async def workers(self, gateway: NamedDependency[Gateway]) -> WorkerPage:
        """Those that died are shown for an hour."""
        async with gateway.connection() as conn:
            return WorkerPage(await list_workers(conn))

    @get(
        "/services", operation_id="listServices", summary="Replicas, versions, heartbeat and load by service."
    )
    async def services(self, gateway: NamedDependency[Gateway]) -> ServicePage:
        """Of processes that are alive."""
        async with gateway.connection() as conn:
            return ServicePage(replicas(await list_workers(conn)))

    @get("/providers", operation_id="listProviders", summary="Limits, quota and spending today, and how long it lasts.")  # fmt: skip
    async def providers(self, gateway: NamedDependency[Gateway]) -> StandingPage:
        """Of providers whose workers have run."""
        async with gateway.connection() as conn:
            return StandingPage(await list_standings(conn))

    @get("/health", operation_id="getHealth", summary="Health of the whole system, with reasons.")
    async def health(self, gateway: NamedDependency[Gateway]) -> Response[SystemHealth]:
        """Status 200 as long as work can go on, 503 when none can because a store is away."""
        (database, record), redis = await asyncio.gather(
            check_record(gateway, HEALTH_BUDGET_SECONDS), check_redis(gateway, HEALTH_BUDGET_SECONDS)
        )
        health = judge(database, redis, record)
        can_go_on = database == OK and redis in {OK, NOT_CHECKED}
        return Response(health, status_code=200 if can_go_on else 503)
