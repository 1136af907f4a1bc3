"""Webhooks as policy: signatures others can verify, answers, delays, and addresses that lead nowhere private."""

import base64
import ipaddress
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from shared.domain.webhook import (
    LONGEST_SECONDS,
    SECRET_PREFIX,
    Verdict,
    check_url,
    delay_seconds,
    is_public,
    judge,
    sign,
)


@given(st.binary(min_size=24, max_size=64), st.text(max_size=200))
def test_what_is_signed_is_verified_by_the_standards_own_library(key: bytes, text: str) -> None:
    """And nothing else is: another body, id or secret."""
    secret, now = SECRET_PREFIX + base64.b64encode(key).decode(), int(datetime.now(UTC).timestamp())
    body = json.dumps({"text": text}).encode()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, "msg_1", now, body),
    }
    Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers | {"webhook-id": "msg_2"})
    old = now - 360
    replay = {"webhook-timestamp": str(old), "webhook-signature": sign(secret, "msg_1", old, body)}
    with pytest.raises(WebhookVerificationError):  # six minutes later
        Webhook(secret).verify(body, headers | replay)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED), (204, Verdict.DELIVERED), (301, Verdict.REFUSED), (400, Verdict.REFUSED),
        (404, Verdict.REFUSED), (410, Verdict.GONE), (408, Verdict.DOWN), (429, Verdict.DOWN), (500, Verdict.DOWN),
        (503, Verdict.DOWN), (None, Verdict.DOWN),
    ],
)  # fmt: skip
def test_an_answer_says_whether_the_message_or_the_receiver_is_at_fault(
    status: int | None, verdict: Verdict
) -> None:
    """A redirect is a refusal: nobody registered where it leads."""
    assert judge(status) is verdict


@given(st.integers(1, 200), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_delays_grow_are_bounded_and_heed_the_receiver(
    failures: int, chance: float, asked: float | None
) -> None:
    """Never longer than the longest and a tenth; never shorter than asked for, within that."""
    delay = delay_seconds(failures, chance, asked)
    assert 1.8 <= delay <= LONGEST_SECONDS * 1.1
    assert delay >= min(asked or 0.0, LONGEST_SECONDS)
    assert delay_seconds(failures + 1, chance) >= delay_seconds(failures, chance)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::1", "ff02::1", "2001:db8::1", "192.0.2.1",
    ],
)  # fmt: skip
def test_no_address_leads_inside(text: str) -> None:
    """Nor one that is translated to an address inside."""
    assert not is_public(ipaddress.ip_address(text))


def test_the_open_internet_is_public() -> None:
    """In both of its families."""
    assert is_public(ipaddress.ip_address("93.184.216.34"))
    assert is_public(ipaddress.ip_address("2606:2800:220:1::1"))
    assert is_public(ipaddress.ip_address("::ffff:93.184.216.34"))


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://a.example/", "file:///etc/passwd", "http://a.example/", "https://", "https://user@a.example/",
        "https://a:b@a.example/", "https://a.example/#x", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1:8443/x",
        "https://a.example:0/", "https://a.example:99999/", "https://[::1", "https://a.example/ x", "https://ä.example/",
        "https://a.example/" + "x" * 2000, "https://169.254.169.254/latest/meta-data",
    ],
)  # fmt: skip
def test_a_receivers_address_is_public_and_plain(url: str) -> None:
    """Whatever else it is, is refused with a reason."""
    with pytest.raises(ValueError, match=r"must|leads|is no address"):
        check_url(url, allow_private=False)


def test_private_addresses_may_be_allowed() -> None:
    """With them http; but no password even then."""
    check_url("https://hooks.example:8443/a?b=c", allow_private=False)
    check_url("http://127.0.0.1:9/x", allow_private=True)
    with pytest.raises(ValueError, match="password"):
        check_url("http://a:b@127.0.0.1/", allow_private=True)
