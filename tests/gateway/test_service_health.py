"""GET /monitoring/service-health/{service_name}: what workers counted, window by window."""

import time
from typing import Any

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from shared.domain.durations import bucket
from shared.domain.service_health import STRETCH_SECONDS, Window, gather, merge
from shared.store.pool import Connection
from shared.store.service_health import save_windows

pytestmark = pytest.mark.anyio

PATH = "/api/v1/monitoring/service-health"


def window(start: float, ok: int, recoverable: int = 0) -> Window:
    """Each call took a second."""
    calls = ok + recoverable
    return Window(
        int(start) // 60 * 60, {"ok": ok, "recoverable": recoverable} if recoverable else {"ok": ok},
        recoverable, float(calls), {bucket(1.0): calls},
    )  # fmt: skip


async def test_windows_and_their_total_are_told(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Of all processes of the service together; also by the seed's name of it."""
    now = time.time()
    await save_windows(conn, "serp", "one", [window(now, 8, 2), window(now - 120, 5)])
    await save_windows(conn, "serp", "two", [window(now, 10)])
    await save_windows(conn, "media", "one", [window(now, 99)])
    report = (await client.get(f"{PATH}/scale_serp_api")).json()
    assert (report["service"], report["window_seconds"]) == ("serp", 60)
    total = report["total"]
    assert (total["requests"], total["successes"], total["failures"], total["timeouts"]) == (25, 23, 2, 2)
    assert total["errors"] == {"recoverable": 2}
    assert total["avg_seconds"] == 1.0
    assert total["p95_seconds"] == total["p99_seconds"] == pytest.approx(1.0, rel=0.05)
    assert [w["figures"]["requests"] for w in report["windows"]] == [5, 20]


async def test_a_longer_time_has_longer_windows(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Never more than 120 of them."""
    now = time.time()
    windows = [window(now - 60 * n, 1) for n in range(24 * 60)]
    stretches = [
        msgspec.structs.replace(merge(inside), start=start)
        for start, inside in gather(windows, STRETCH_SECONDS).items()
    ]
    await save_windows(conn, "serp", "one", windows, stretches)
    report = (await client.get(f"{PATH}/serp", params={"minutes": 24 * 60})).json()
    assert report["window_seconds"] == 15 * 60
    assert len(report["windows"]) in {96, 97}
    assert report["total"]["requests"] in {24 * 60 - 1, 24 * 60}  # the first may have left meanwhile


async def test_without_calls_the_report_is_empty(client: AsyncTestClient[Any]) -> None:
    """No window, and no duration that was never measured."""
    report = (await client.get(f"{PATH}/llm")).json()
    assert report["windows"] == []
    assert report["total"]["requests"] == 0
    assert report["total"]["p95_seconds"] is None


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [("serpent", 404, "serp"), ("serp?minutes=0", 422, "minutes"), ("serp?minutes=1441", 422, "minutes")],
)
async def test_a_wrong_question_is_refused(
    client: AsyncTestClient[Any], path: str, status: int, said: str
) -> None:
    """A problem that names what is wrong."""
    answer = await client.get(f"{PATH}/{path}")
    assert answer.status_code == status
    assert said in answer.text
