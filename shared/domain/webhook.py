"""Webhooks: how they are signed, what an answer means, when to try again, and where they may go. Pure.

Standard Webhooks 1.0 (standardwebhooks.com): receivers verify them with any of its libraries.
"""

import base64
import hashlib
import hmac
import ipaddress
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  in front of every secret, and none itself
#: A receiver that was down for so long is sent nothing any more, until somebody enables it again.
GIVE_UP_SECONDS: Final = 3 * 24 * 3600.0
#: A message that was refused so often is given up; what comes after it was sent all along.
REFUSALS: Final = 8
#: After the first failure; then four times as long each time, up to the longest.
_FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 6 * 3600.0
#: Characters of an address.
URL_LENGTH: Final = 2000
#: Networks that lead on to addresses within them: an IPv4 address behind a translator, or a tunnel.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR: Final = ipaddress.ip_network("2002::/16")
_TEREDO: Final = ipaddress.ip_network("2001::/32")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Verdict(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The receiver is there and does not want this message."""
    DOWN = "down"
    """No answer, or one that says: later."""
    GONE = "gone"
    """It wants no more messages."""


def judge(status: int | None) -> Verdict:
    """By the answer's status; None: there was no answer. A redirect is not followed: its target was not registered."""
    if status is None or status in {408, 425, 429} or status >= 500:
        return Verdict.DOWN
    if status == 410:
        return Verdict.GONE
    return Verdict.DELIVERED if 200 <= status < 300 else Verdict.REFUSED


def delay_seconds(failures: int, chance: float, asked: float | None = None) -> float:
    """How long after the `failures`-th failure in a row, from 1, it is tried again.

    `chance` from 0 to 1 spreads the moments by a fifth; `asked` is what the receiver asked for.
    """
    wanted = min(LONGEST_SECONDS, _FIRST_SECONDS * 4.0 ** min(failures - 1, 20))
    spread = wanted * (0.9 + 0.2 * chance)
    return max(spread, min(asked or 0.0, LONGEST_SECONDS))


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header webhook-signature. Raises ValueError for what is no secret."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def is_public(address: Address) -> bool:
    """Whether an address leads into the open internet, and to nothing within."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in (_NAT64, _SIX_TO_FOUR, _TEREDO)):
            return False
    return address.is_global and not address.is_multicast


def check_url(url: str, *, allow_private: bool) -> None:
    """Raise ValueError for an address that nothing can be sent to, or may be."""
    if len(url) > URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"must be an address of at most {URL_LENGTH} ASCII characters, without spaces")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is no address: {error}") from None
    if parts.scheme not in {"https", "http"} or not host or port == 0:
        raise ValueError("must be an address such as https://hooks.example/landscape")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("must hold no user, password or fragment; messages are signed instead")
    if allow_private:
        return
    if parts.scheme != "https":
        raise ValueError("must begin with https://, unless LANDSCAPE_WEBHOOKS__ALLOW_PRIVATE is set")
    literal = _literal(host)
    if literal is not None and not is_public(literal):
        raise ValueError("leads into a private network; LANDSCAPE_WEBHOOKS__ALLOW_PRIVATE would allow that")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
