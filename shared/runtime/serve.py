"""The composition root of a worker: `broker = serve(PROVIDER, handle)` is a whole service."""

from shared import log, tracing
from shared.broker.build import RedisBroker, build_broker, register
from shared.broker.middleware.lifecycle import Lifecycle
from shared.config import load, wants_traces
from shared.domain.provider import Handle, Provider
from shared.runtime.worker import WorkerProcess


def serve(provider: Provider, handle: Handle) -> RedisBroker:
    """The broker Dramatiq runs. Reads the settings; connects to nothing before the worker boots.

    Raises ConfigError when a setting is missing or wrong.
    """
    settings = load()
    log.configure(settings.log, service=provider.service, secrets=settings.secrets)
    process = WorkerProcess(provider, handle, settings)

    async def start() -> None:
        # Here, where nothing forks any more.
        tracing.configure(provider.service, wanted=wants_traces())
        await process.start(broker)

    lifecycle = Lifecycle(
        start, process.drain, process.stop, grace_seconds=settings.runtime.drain_seconds + 6
    )
    broker = build_broker(settings.redis_url, [lifecycle])
    register(broker, provider.service, process.work)
    return broker
