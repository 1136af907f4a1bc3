"""A worker process of one service: everything it holds open, started, drained and stopped in order."""

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from http.server import ThreadingHTTPServer

from shared import config, log, metrics, tracing
from shared.broker.build import RedisBroker, publish
from shared.broker.client import build_async_client, ping
from shared.broker.dead_letters import DeadMessages
from shared.broker.gate import Gate
from shared.config import Settings
from shared.domain.gate import GatePolicy
from shared.domain.message import Message
from shared.domain.phases import CLOSING, HOUSEKEEPING, PHASES, of_service
from shared.domain.provider import Handle, Limits, Provider
from shared.errors import ConfigError
from shared.runtime import exposition, fault_points, webhooks
from shared.runtime.audits import Audits
from shared.runtime.batching import Batcher
from shared.runtime.breaker_policy import PolicyEditions
from shared.runtime.call import Buyer
from shared.runtime.cancellation import cancel
from shared.runtime.checkpoints import Checkpoints
from shared.runtime.closing import Closing
from shared.runtime.dead_letters import DeadLetters
from shared.runtime.deleting import Deleting
from shared.runtime.dispatcher import Dispatcher
from shared.runtime.exchange import Exchange
from shared.runtime.expiry import Expiry
from shared.runtime.heartbeat import Heartbeat
from shared.runtime.housekeeping import Housekeeping
from shared.runtime.http import Account, Wire
from shared.runtime.leader import Leader
from shared.runtime.mirror import Mirror
from shared.runtime.oauth import Client
from shared.runtime.operations import Operations
from shared.runtime.performance import Performance
from shared.runtime.presence import code_version, keep_present
from shared.runtime.process import Processor
from shared.runtime.reaper import Reaper
from shared.runtime.recorder import Recorder
from shared.runtime.rulebook import Declaring, Rulebook
from shared.runtime.settling import Settling
from shared.runtime.telling import Telling
from shared.runtime.webhooks import Webhooks
from shared.store.breakers import describe_service
from shared.store.calls import Intent, StoredFact
from shared.store.heartbeats import Heartbeats
from shared.store.ledger import Ledger
from shared.store.lookups import Availability, Want, look_up
from shared.store.migrate import require_schema
from shared.store.planning import Profile
from shared.store.pool import Passing, build_pool
from shared.store.workers import Presence

_log = log.get(__name__)

#: The loop is stuck when it has not run for this long.
STUCK_SECONDS = 30.0
PROBE_SECONDS = 1.0
#: How long the last counts may take to be written at a stop.
LAST_SECONDS = 2.0


def with_overrides(provider: Provider, settings: Settings) -> Provider:
    """The provider as this installation configures it."""
    own = settings.provider(provider.service)
    limits = Limits(
        provider.limits.concurrency if own.concurrency is None else own.concurrency,
        provider.limits.requests_per_second if own.requests_per_second is None else own.requests_per_second,
        provider.limits.units_per_day if own.units_per_day is None else own.units_per_day,
        provider.limits.day_zone,
    )
    if limits.concurrency < 1 or limits.requests_per_second < 0:
        raise ConfigError(
            f"the limits of {provider.service} need CONCURRENCY >= 1 and REQUESTS_PER_SECOND >= 0"
        )
    breaker = replace(
        provider.breaker,
        failure_threshold=own.failure_threshold or provider.breaker.failure_threshold,
        success_threshold=own.success_threshold or provider.breaker.success_threshold,
        timeout_seconds=own.breaker_seconds or provider.breaker.timeout_seconds,
    )
    return replace(
        provider,
        limits=limits,
        breaker=breaker,
        base_url=own.base_url or provider.base_url,
        timeout_seconds=own.timeout_seconds or provider.timeout_seconds,
        in_doubt=own.in_doubt or provider.in_doubt,
        freshness_seconds=provider.freshness_seconds
        if own.freshness_seconds is None
        else own.freshness_seconds,
    )


def account(provider: Provider, own: config.Provider) -> Account:
    """What this installation has of a provider."""
    oauth = None
    if provider.auth[0] == "oauth":
        oauth = Client(own.oauth_url, own.client_id or "", own.client_secret or "", own.refresh_token or "")
    named = {*provider.settings, *provider.headers.values()}
    settings = {name: value for name in named if (value := getattr(own, name))}
    # Google prints customer ids with hyphens and takes them without.
    settings |= {n: value.replace("-", "") for n, value in settings.items() if n.endswith("customer_id")}
    return Account(own.api_key or "", oauth, settings)


def _require_account(provider: Provider, own: config.Provider) -> None:
    oauth = ("client_id", "client_secret", "refresh_token")
    needed: tuple[str, ...] = oauth if provider.auth[0] == "oauth" else () if own.base_url else ("api_key",)
    needed += tuple(name for name, default in provider.settings.items() if not default)
    missing = [name.upper() for name in needed if not getattr(own, name)]
    if missing:
        names = ", ".join(f"LANDSCAPE_PROVIDERS__{provider.service.upper()}__{name}" for name in missing)
        raise ConfigError(f"{names} must be set; without any key `landscape up` uses the simulator")


def units_a_day(limits: Limits, own: config.Provider) -> float | None:
    """Units that may be charged in a day, by the provider's quota and by the money for it; None: no limit.

    Raises ConfigError for a budget without a price.
    """
    if own.budget_per_day is None:
        return limits.units_per_day or None
    if not own.unit_price:
        raise ConfigError("BUDGET_PER_DAY needs a UNIT_PRICE above 0 of the same provider")
    affordable = own.budget_per_day / own.unit_price
    return min(affordable, limits.units_per_day or affordable)


class WorkerProcess:
    """What stands between Dramatiq's hooks and the actor. Created at import, opened at boot."""

    def __init__(self, provider: Provider, handle: Handle, settings: Settings) -> None:
        settings.require("postgres_url", "redis_url")
        own = settings.provider(provider.service)
        _require_account(provider, own)
        fault_points.arm(settings.runtime.fault_point, provider.service, own.base_url)
        self._settings = settings
        self._own = own
        self._provider = with_overrides(provider, settings)
        real = self._provider.base_url == provider.base_url
        self._source = provider.name if real else f"{provider.name} stand-in"
        self._rulebook = Rulebook(self._provider)
        self._handle = handle
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._pool = build_pool(settings.postgres_url, name=f"landscape-{provider.service}", check=False)
        self._tasks: list[asyncio.Task[None]] = []
        self._checks: dict[str, str | None] = {"postgres": "not yet checked", "redis": "not yet checked"}
        self._alive_at = time.monotonic()
        self._usable = asyncio.Event()
        self._server: ThreadingHTTPServer | None = None

    async def start(self, broker: RedisBroker) -> None:
        """Open everything. Postgres and its schema are waited for in the background, so that a stop is heard meanwhile."""
        provider, settings, runtime = self._provider, self._settings, self._settings.runtime
        phase = of_service(provider.service)
        self._server = exposition.serve(settings.exposition, self._live, lambda: self._checks)
        await self._pool.open()
        redis = self._redis = build_async_client(settings.redis_url)
        self._wire = Wire(
            provider, account(provider, self._own), provider.limits.concurrency, self._own.transport
        )
        policy = GatePolicy.of(
            provider.limits, runtime.wait_in_place_seconds, provider.breaker, runtime.lease_seconds
        )
        self._gate = Gate(redis, provider.name, policy)
        await self._gate.start()
        self._mirror = Mirror(self._pool, self._gate, provider, phase)
        recorder = self._recorder = Recorder(self._pool, provider.service)
        self._ledger = Ledger(units_a_day(provider.limits, self._own))
        exchange = Exchange(
            provider,
            self._wire,
            gate=self._gate,
            intents=Batcher(self._insert_calls),
            recorder=recorder,
            unit_price=self._own.unit_price,
            rulebook=self._rulebook,
            source=self._source,
        )
        exchange.breaker.add_listener(self._mirror)
        self._policy_editions = PolicyEditions(
            provider, (self._gate.follow, exchange.breaker.follow, self._mirror.follow)
        )
        buyer = Buyer(exchange, Batcher(self._look_up))
        self._heartbeat = Heartbeat(Heartbeats(settings.postgres_url, self._holder), runtime.lease_seconds)
        self._heartbeat.start()
        self.processor = Processor(
            self._handle,
            phase=phase,
            holder=self._holder,
            lease_seconds=runtime.lease_seconds,
            pool=self._pool,
            buyer=buyer,
            recorder=recorder,
            heartbeat=self._heartbeat,
        )

        async def send(queue: str, messages: Sequence[Message]) -> None:
            if messages:
                await asyncio.to_thread(publish, broker, queue, messages)

        leading = metrics.LEADER.labels(provider.service)
        allowance = self._gate.allowance
        dispatch = Dispatcher(self._pool, provider, phase, runtime, send, allowance=allowance).round
        reap = Reaper(self._pool, phase, runtime).round
        declare = Declaring(self._pool, provider).round
        housekeep = Housekeeping(self._pool, runtime).round
        settle = Settling(self._pool).round
        audits = self._audits = Audits(self._pool, runtime)
        self._deleting, self._operations = Deleting(self._pool), Operations(self._pool)
        write_checkpoints = Checkpoints(self._pool).round
        close = Closing(self._pool, self._holder, runtime.lease_seconds, self._heartbeat).round
        reap_closing = [Reaper(self._pool, PHASES[name], runtime).round for name in CLOSING]
        dead = DeadMessages(redis)
        bury = DeadLetters(self._pool, dead, phase.queue).round
        bury_closing = DeadLetters(self._pool, dead, HOUSEKEEPING).round
        self._webhooks = Webhooks(self._pool, allow_private=settings.webhooks.allow_private)
        tell, expire = Telling(self._pool).round, Expiry(self._pool).round
        leaders = (
            Leader(
                self._pool,
                provider.service,
                self._holder,
                runtime.lease_seconds,
                [dispatch, reap, self._mirror.round, declare, bury],
                notice=leading.set,
            ),
            Leader(
                self._pool,
                HOUSEKEEPING,
                self._holder,
                runtime.lease_seconds,
                [
                    settle,
                    write_checkpoints,
                    housekeep,
                    close,
                    *reap_closing,
                    bury_closing,
                    audits.round,
                    tell,
                    expire,
                    self._deleting.round,
                    self._operations.round,
                ],
            ),
            # By itself: a receiver that does not answer holds nothing up.
            Leader(self._pool, webhooks.LEASE, self._holder, runtime.lease_seconds, [self._webhooks.round]),
        )
        self._tasks += [asyncio.create_task(self._lead(leader), name="leader") for leader in leaders]
        self._tasks.append(asyncio.create_task(self._probe(), name="probe"))
        self._tasks.append(asyncio.create_task(buyer.steering.run(self._pool), name="steering"))
        self._tasks.append(asyncio.create_task(self._be_present(), name="presence"))
        self._tally = exchange.meter.tally
        health = self._tally.run(self._pool, provider.service, self._holder)
        self._tasks.append(asyncio.create_task(health, name="service_health"))
        self._tasks.append(asyncio.create_task(Performance(exchange.meter).run(), name="performance"))
        _log.info("worker_started", holder=self._holder, provider=provider.name, limits=str(provider.limits))

    async def work(self, message: Message) -> None:
        """One job; not before the store is there."""
        await self._usable.wait()
        await self.processor.process(message)

    async def drain(self) -> None:
        """Stop leading and start no more calls; what is in flight may end."""
        await cancel(self._tasks)
        await self._audits.close()
        await self._deleting.close()
        await self._operations.close()
        await self.processor.drain(self._settings.runtime.drain_seconds)
        self._usable.set()  # whoever still waits for the store finds that nothing is begun any more

    async def stop(self) -> None:
        """Close everything."""
        await self._tell_last()
        await asyncio.to_thread(tracing.flush)
        self._heartbeat.stop()
        await self._gate.close()
        await self._wire.aclose()
        await self._webhooks.aclose()
        await self._redis.aclose(close_connection_pool=True)
        await self._pool.close()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        _log.info("worker_stopped")

    async def _tell_last(self) -> None:
        """What was counted since it was last written."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._tally.save(self._pool, self._provider.service, self._holder)
        except (*Passing, TimeoutError) as error:
            _log.warning("service_health_lost", error=str(error))

    async def _lead(self, leader: Leader) -> None:
        await self._usable.wait()
        await leader.run()

    async def _be_present(self) -> None:
        await self._usable.wait()
        presence = Presence(
            holder=self._holder,
            service=self._provider.service,
            version=code_version(),
            host=socket.gethostname(),
            pid=os.getpid(),
            threads=self._settings.runtime.threads,
        )
        await keep_present(self._pool, presence, self._profile())

    def _profile(self) -> Profile:
        provider, limits = self._provider, self._provider.limits
        return Profile(
            service=provider.service,
            provider=provider.name,
            source=self._source,
            unit=provider.unit,
            unit_price=self._own.unit_price,
            concurrency=limits.concurrency,
            requests_per_second=limits.requests_per_second,
            units_per_day=units_a_day(limits, self._own),
            day_zone=limits.day_zone,
            freshness_seconds=provider.freshness_seconds,
        )

    async def _probe(self) -> None:
        """What /livez and /readyz tell."""
        while True:
            self._alive_at = time.monotonic()
            metrics.HEARTBEAT.labels(self._provider.service).set_to_current_time()
            try:
                async with self._pool.connection() as conn:
                    await require_schema(conn)
                    await self._rulebook.refresh(conn)
                    await self._policy_editions.refresh(conn)
                    if not self._usable.is_set():
                        await describe_service(conn, self._provider, self._settings.runtime.linger_seconds)
                        await self._mirror.recall(conn)
                self._checks["postgres"] = None
                self._usable.set()
            except Exception as error:  # noqa: BLE001 - the probe must outlive whatever it finds
                self._checks["postgres"] = str(error)
                if not self._usable.is_set():
                    _log.warning("waiting_for_store", error=str(error))
            self._checks["redis"] = await ping(self._redis)
            self._checks["record"] = self._recorder.trouble
            metrics.READY.labels(self._provider.service).set(0 if any(self._checks.values()) else 1)
            await asyncio.sleep(PROBE_SECONDS)

    def _live(self) -> dict[str, str | None]:
        stuck = time.monotonic() - self._alive_at
        return {"loop": f"has not run for {stuck:.0f} s" if stuck > STUCK_SECONDS else None}

    async def _insert_calls(self, intents: Sequence[Intent]) -> list[str]:
        async with self._pool.connection() as conn:
            return await self._ledger.insert(conn, intents)

    async def _look_up(self, wants: Sequence[Want]) -> list[StoredFact | Availability]:
        async with self._pool.connection() as conn:
            return await look_up(conn, wants)
