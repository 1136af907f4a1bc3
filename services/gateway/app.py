"""The gateway's composition root: reads and writes rows, leads nothing, and may be stopped at any time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler
from prometheus_client import CollectorRegistry

from services.gateway.access.keys import KeyController
from services.gateway.access.log import AuditLogController
from services.gateway.allowed_methods import AllowedMethods
from services.gateway.audit_trail import AuditTrail, open_trail
from services.gateway.breakers.controller import BreakerController
from services.gateway.companies.controller import CompanyController
from services.gateway.dashboard.router import dashboard
from services.gateway.dead_letters.controller import DeadLetterController
from services.gateway.dependencies import Gateway, Ping, provide_gateway
from services.gateway.events.controller import EventController
from services.gateway.events.feed import Feed
from services.gateway.failed_items.controller import FailedItemController
from services.gateway.job_queues.controller import JobQueueController
from services.gateway.monitoring.controller import MonitoringController
from services.gateway.monitoring.gauges import RecordGauges
from services.gateway.monitoring.probes import livez, metrics, readyz
from services.gateway.monitoring.service_health import ServiceHealthController
from services.gateway.observation import Observation
from services.gateway.openapi import openapi
from services.gateway.operations.controller import OperationController
from services.gateway.pipelines.checkpoints import CheckpointController
from services.gateway.pipelines.control import ControlController
from services.gateway.pipelines.controller import PipelineController
from services.gateway.pipelines.items import ItemController
from services.gateway.pipelines.lifetime import LifetimeController
from services.gateway.planning.controller import PlanController
from services.gateway.problems import HANDLERS
from services.gateway.reports.controller import ReportController
from services.gateway.reports.lineage import LineageController
from services.gateway.reports.waivers import WaiverController
from services.gateway.rules.controller import ErrorRuleController
from services.gateway.schedules.controller import ScheduleController
from services.gateway.schedules.firing import STOP_SECONDS, keep_firing
from services.gateway.security import requires_key
from services.gateway.spending.controller import SpendingController
from services.gateway.spending.doubts import DoubtController
from services.gateway.templates.controller import TemplateController
from services.gateway.webhooks.controller import WebhookController
from services.gateway.why.controller import WhyController
from shared import config, log, tracing
from shared.broker.client import build_async_client, ping
from shared.broker.dead_letters import DeadMessages
from shared.broker.memory import read_memory
from shared.config import Settings
from shared.domain.pipeline import DataSource
from shared.domain.request_rate import RequestRate
from shared.domain.start import DEFAULT_MODEL
from shared.metrics import BUILD
from shared.store.pool import build_pool

#: Bytes of a request; a million keywords are about 20 MB.
BODY_BYTES = 64 * 1024 * 1024
#: Connections to Postgres. One is busy for as long as a big pipeline is being started.
POOL_SIZE = 8
#: A request waits this long for a connection before it is told to come again.
WAIT_SECONDS = 5.0


def create_app(settings: Settings | None = None, *, ping_redis: Ping | None = None) -> Litestar:
    """The application; without `settings` a process of its own, which reads its environment and sets up its logs.

    Starts also while the stores are away: /readyz says so. Raises ConfigError when a setting is missing.
    """
    if settings is None:
        settings = config.load()
        log.configure(settings.log, service="gateway", secrets=settings.secrets)
        tracing.configure("gateway", wanted=config.wants_traces())
    settings.require("postgres_url", "token")
    pool = build_pool(settings.postgres_url, size=POOL_SIZE, name="landscape-gateway")
    pool.timeout = WAIT_SECONDS
    redis = build_async_client(settings.redis_url) if settings.redis_url else None
    if redis is not None and ping_redis is None:
        ping_redis = partial(ping, redis)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await pool.open(wait=False)
        stopping = asyncio.Event()
        firing = asyncio.create_task(keep_firing(gateway, stopping), name="schedules")
        try:
            yield
        finally:
            stopping.set()
            await asyncio.to_thread(tracing.flush)
            await pool.close()
            # Not cancelled: a connection that is about to be handed out would swallow it.
            await asyncio.wait({firing}, timeout=STOP_SECONDS)
            if redis is not None:
                await redis.aclose(close_connection_pool=True)

    api = Router(
        "/api/v1",
        route_handlers=[
            PipelineController,
            ControlController,
            CheckpointController,
            ItemController,
            LifetimeController,
            PlanController,
            TemplateController,
            ScheduleController,
            ReportController,
            WaiverController,
            LineageController,
            CompanyController,
            MonitoringController,
            ServiceHealthController,
            BreakerController,
            ErrorRuleController,
            DeadLetterController,
            FailedItemController,
            JobQueueController,
            OperationController,
            SpendingController,
            DoubtController,
            WhyController,
            KeyController,
            AuditLogController,
            EventController,
            WebhookController,
            openapi,
        ],
        guards=[requires_key(settings.token, _request_rate(settings.gateway))],
        middleware=[AllowedMethods(), AuditTrail()],
        before_request=open_trail,
    )
    registry = CollectorRegistry()
    record_gauges = RecordGauges()
    registry.register(record_gauges)
    registry.register(BUILD)
    services = tuple(name.strip() for name in settings.services.split(",") if name.strip())
    model = settings.provider("llm").model or DEFAULT_MODEL
    dead_messages = DeadMessages(redis) if redis is not None else None
    gateway = Gateway(
        pool,
        _data_source(settings),
        services,
        model,
        ping_redis,
        dead_messages,
        partial(read_memory, redis) if redis is not None else None,
        private_webhooks=settings.webhooks.allow_private,
    )
    handlers: list[ControllerRouterHandler] = [api, livez, readyz, metrics]
    app = Litestar(
        [*handlers, dashboard(settings.token)],
        dependencies={"gateway": Provide(provide_gateway)},
        exception_handlers=HANDLERS,
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=None,
        request_max_body_size=BODY_BYTES,
        state=State(
            {"gateway": gateway, "registry": registry, "feed": Feed(pool), "record_gauges": record_gauges}
        ),
    )
    app.state.described = handlers
    # Around everything, so that requests no route takes are seen too.
    app.asgi_handler = Observation(app.asgi_handler, registry)
    return app


def _request_rate(settings: config.Gateway) -> RequestRate | None:
    return RequestRate(settings.requests_per_second, settings.burst) if settings.requests_per_second else None


def _data_source(settings: Settings) -> DataSource:
    # The real addresses are built in: another one stands for a simulator. Never the other way round.
    return "simulator" if any(provider.base_url for provider in settings.providers.values()) else "providers"
