"""What the calls of a service came to, window by window."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from services.gateway.dependencies import Gateway
from services.gateway.monitoring.schemas import HealthWindow, ServiceHealth
from services.gateway.service_names import service_named
from shared.domain.service_health import STRETCH_SECONDS, WINDOW_SECONDS, Window, figure, gather, merge
from shared.store.service_health import find_windows

#: Windows of an answer, at the most.
MOST_WINDOWS: Final = 120
#: Lengths of a window that an answer may have, in seconds: a minute to an hour.
WIDTHS: Final = (WINDOW_SECONDS, STRETCH_SECONDS, 15 * 60, 60 * 60)
DAY_MINUTES: Final = 24 * 60


class ServiceHealthController(Controller):
    """/api/v1/monitoring/service-health"""

    path = "/monitoring/service-health"
    tags = ("monitoring",)

    @get(
        "/{service_name:str}",
        operation_id="getServiceHealth",
        summary="Calls of a service by time: how many, how many failed of what, and how long they took.",
    )
    async def service_health(
        self,
        gateway: NamedDependency[Gateway],
        service_name: FromPath[str],
        minutes: Annotated[int, QueryParameter(gt=0, le=DAY_MINUTES)] = 60,
    ) -> ServiceHealth:
        """Of the last minutes, the present one included; it is up to ten seconds behind its workers."""
        service = service_named(service_name)
        now = int(datetime.now(UTC).timestamp())
        since = (now // WINDOW_SECONDS - minutes + 1) * WINDOW_SECONDS
        async with gateway.connection() as conn:
            found = await find_windows(conn, service, since, in_stretches=_width(minutes) >= STRETCH_SECONDS)
        return _report(service, since, minutes, found)


def _width(minutes: int) -> int:
    return next(width for width in WIDTHS if minutes * 60 <= width * MOST_WINDOWS)


def _report(service: str, since: int, minutes: int, found: list[Window]) -> ServiceHealth:
    width = _width(minutes)
    stretches = {start: merge(inside) for start, inside in gather(found, width).items()}
    windows = [
        HealthWindow(_moment(start), _moment(start) + timedelta(seconds=width), figure(stretch))
        for start, stretch in stretches.items()
    ]
    total = figure(merge(stretches.values()))
    return ServiceHealth(service, _moment(since), width, total, windows)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
