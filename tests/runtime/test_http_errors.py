"""What is read from an answer with an error status: codes, and how long to wait."""

import email.utils
import json
import math
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.media.provider import PROVIDER
from shared.domain.provider import Request
from shared.errors import StatusError, TransportError
from shared.runtime.http import (
    ERROR_BODY,
    ERROR_CODE,
    RETRY_AFTER_CAP,
    Account,
    Wire,
    find,
    parse_delay,
    retry_after,
)

NOW = 1_795_435_200.0  # 23 November 2026, 12:00 UTC
DAYS = timedelta(days=400)
MOMENTS = st.datetimes(
    datetime.fromtimestamp(NOW) - DAYS, datetime.fromtimestamp(NOW) + DAYS, timezones=st.just(UTC)  # noqa: DTZ006  zone is given beside
).map(lambda moment: moment.replace(microsecond=0))  # fmt: skip


@given(st.floats(0, 1e9))
def test_seconds_are_taken_as_they_are_up_to_the_cap(seconds: float) -> None:
    """Whole ones by the RFC, fractions and protobuf's "s" by some providers."""
    told = min(seconds, RETRY_AFTER_CAP)

    assert retry_after({"retry-after": repr(seconds)}, NOW) == told
    assert retry_after({"retry-after": f" {seconds!r} "}, NOW) == told
    assert parse_delay(f"{seconds!r}s") == told


@given(st.integers(0, 10**12))
def test_milliseconds_are_the_same_delay(milliseconds: int) -> None:
    """The cap is one of seconds, not of milliseconds, and this header is the more exact one."""
    headers = {"retry-after-ms": str(milliseconds), "retry-after": "1"}

    assert retry_after(headers, NOW) == min(milliseconds / 1000, RETRY_AFTER_CAP)


@given(MOMENTS)
@example(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
def test_every_form_of_a_date_is_the_same_moment(moment: datetime) -> None:
    """The three of RFC 9110, two of which have no zone or a short year, and an offset beside them."""
    forms = [
        email.utils.format_datetime(moment, usegmt=True),
        moment.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
        moment.strftime("%a %b %d %H:%M:%S %Y"),
        email.utils.format_datetime(moment.astimezone(timezone(timedelta(hours=-8)))),
        moment.strftime("%a, %d %b %Y %H:%M:%S -0000"),
    ]

    delays = {retry_after({"retry-after": form}, NOW) for form in forms}

    assert delays == {min(max(0.0, moment.timestamp() - NOW), RETRY_AFTER_CAP)}


def test_date_without_a_zone_is_utc_wherever_this_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker in Kathmandu waits as long as one in Greenwich."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        delay = retry_after({"retry-after": "Mon Nov 23 12:01:00 2026"}, NOW)
    time.tzset()

    assert delay == 60


@given(st.text(max_size=40) | st.text("0123456789 ,:-+GMTSunov", max_size=40))
@example("Sun, 06 Nov 0001 08:49:37 +2359")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Fri, 31 Dec 99999 23:59:59 GMT")
@example("Fri, 31 Dec 2026 23:59:59 +99999999")
@example("Fri, 31 Dec 2026 23:59:59 +9999")
@example("9" * 400)
@example("1" * 5000)
def test_anything_else_is_no_delay_and_no_error(text: str) -> None:
    """A header nobody can read must not spoil the error that came with it."""
    for headers in (
        {"retry-after": text},
        {"retry-after-ms": text},
        {"retry-after-ms": text, "retry-after": text},
    ):
        delay = retry_after(headers, NOW)
        assert delay is None or (math.isfinite(delay) and 0 <= delay <= RETRY_AFTER_CAP)


@pytest.mark.parametrize(
    "text", ["", " ", "-1", "nan", "inf", "-inf", "1e999", "soon", "30 s s", "12:00", "None"]
)
def test_unusable_delay_is_none(text: str) -> None:
    """Not a number, not finite, not positive: as if nothing had been told."""
    assert parse_delay(text) is None


def test_unreadable_milliseconds_leave_the_seconds() -> None:
    """One broken header of two."""
    assert retry_after({"retry-after-ms": "soon", "retry-after": "7"}, NOW) == 7


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "reason"]), inner, max_size=2),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_path_finds_scalars_in_any_document(document: Any) -> None:
    """Whatever stands where an error should, it finds text and numbers or nothing."""
    found = list(find(document, "error.reason"))

    assert all(isinstance(value, str | int | float) and not isinstance(value, bool) for value in found)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"error": {"errors": [{"reason": "a"}, {"reason": "b"}]}}, ["a", "b"]),
        ({"error": {"errors": {"reason": 7}}}, [7]),
        ([{"error": {"errors": [{"reason": "in a list"}]}}], ["in a list"]),
        ({"error": {"errors": [{"reason": ["a", "b"]}]}}, ["a", "b"]),
        ({"error": {"errors": [{"reason": None}, {"reason": True}, {"reason": {"x": 1}}]}}, []),
        ({"error": "invalid_grant"}, []),
        ({"error.errors.reason": "a"}, []),
        (None, []),
    ],
)
def test_path_goes_through_objects_and_lists(document: Any, found: list[Any]) -> None:
    """The envelopes differ; a path is data, and finds what is there."""
    assert list(find(document, "error.errors.reason")) == found


def test_path_does_not_follow_lists_of_lists() -> None:
    """No envelope has them; a hostile one has more than the stack holds."""
    document: Any = {"error": "deep"}
    for _ in range(10_000):
        document = [document]

    assert list(find(document, "error")) == []


async def _refused(content: bytes) -> StatusError:
    wire = Wire(PROVIDER, Account(), 1, httpx.MockTransport(lambda _: httpx.Response(403, content=content)))
    with pytest.raises(StatusError) as caught:
        await wire.send(Request("/videos"))
    return caught.value


@pytest.mark.anyio
async def test_codes_come_in_the_order_of_their_paths() -> None:
    """The most specific one is in the text."""
    body = {"error": {"status": "DENIED", "details": [{"reason": "B"}, {}], "errors": [{"reason": "a"}]}}

    error = await _refused(json.dumps(body).encode())

    assert error.codes == ("a", "B", "DENIED")
    assert str(error) == "status 403 (a)"


@pytest.mark.anyio
async def test_overlong_or_broken_codes_are_cut_to_what_can_be_recorded() -> None:
    """They go into the ledger, the item's history and the log."""
    error = await _refused(
        b'{"error":{"errors":[{"reason":"' + b"x" * 100_000 + b'"},{"reason":"\\ud800"}]}}'
    )

    assert error.codes == ("x" * ERROR_CODE, "?")
    assert len(error.body) == ERROR_BODY


@pytest.mark.anyio
@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"error":' * 100_000, b"[" * 900 + b"]" * 900, b"9" * 5_000, b'{"error":' + b"9" * 5_000 + b"}",
     b"\xff\xfe", b"", b'{"error":{"errors":{"reason":1e999}}}'],
)  # fmt: skip
async def test_no_body_makes_an_error_of_another_kind(content: bytes) -> None:
    """The status alone decides when the body is hostile."""
    assert (await _refused(content)).status == 403


@pytest.mark.anyio
async def test_delay_in_a_header_comes_before_one_in_the_body() -> None:
    """Of several delays in a body the first readable one counts."""
    provider = replace(PROVIDER, retry_after=("retry_after", "details.retryDelay"))
    body = b'{"retry_after": null, "details": [{"retryDelay": "never"}, {"retryDelay": "8962s"}]}'
    for headers, told in (({}, 8962.0), ({"Retry-After": "3"}, 3.0)):
        response = httpx.Response(503, headers=headers, content=body)
        wire = Wire(provider, Account(), 1, httpx.MockTransport(lambda _, r=response: r))
        with pytest.raises(StatusError) as caught:
            await wire.send(Request("/videos"))
        assert caught.value.retry_after == told


@pytest.mark.anyio
@pytest.mark.parametrize("length", ["3", "4000"])
async def test_answer_shorter_than_its_length_is_cut_off(length: str) -> None:
    """Also under a transport that does not notice it itself."""
    response = httpx.Response(200, headers={"Content-Length": length}, content=b"{}")
    wire = Wire(PROVIDER, Account(), 1, httpx.MockTransport(lambda _: response))

    with pytest.raises(TransportError, match="answer cut off"):
        await wire.send(Request("/videos"))
