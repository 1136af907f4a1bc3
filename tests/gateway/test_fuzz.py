"""Thousands of bad requests: none is an error of ours, none is answered with a trace or a secret."""

import json
import random
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Gateway, Provider, Settings
from tests.gateway.routes import NOBODY, api_routes

pytestmark = pytest.mark.anyio

#: Planted wherever the process knows a secret.
TOKEN, KEY, SECRET = "planted-token-7Qx", "planted-key-7Qx", "planted-secret-7Qx"
REQUESTS = 5000
#: No answer holds any of these.
LEAKS = ("Traceback", 'File "', "psycopg", "Error:", "/site-packages/", "litestar", TOKEN, KEY, SECRET)

TEXTS = [
    "", " ", "0", "-1", "1e400", "null", "NaN", "\x00", "\x00\x01", "a" * 5000, "%00", "%ff", "..", "../../etc/passwd",
    "'; DROP TABLE pipelines; --", "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>", "ünïcödé", "\ud800",
    "\u202e", "😀", "9" * 400, "-9223372036854775809", "9223372036854775808", NOBODY, "true", "[]", "serp", "*",
]  # fmt: skip
NUMBERS: list[Any] = [0, -1, 1, 2**31, 2**63, -(2**63) - 1, 1e308, -0.0, 0.1, 10**400]
FIELDS = [
    "keywords", "regions", "content_types", "company", "competitors", "personas", "config", "reason", "actor", "budget",
    "ids", "filter", "dry_run", "name", "role", "scopes", "expires_in_days", "provider", "pattern", "status", "code",
    "category", "attempts", "ordinal", "input", "rebuy", "resume_failed_only", "phase", "max", "url", "events", "landscapes",
]  # fmt: skip
HEADERS = [
    "X-Actor",
    "If-Match",
    "Idempotency-Key",
    "X-Request-ID",
    "Accept",
    "Content-Type",
    "Last-Event-ID",
    "Range",
]


def value(chance: random.Random, depth: int = 0) -> Any:
    """Anything JSON can say, and some of what it cannot."""
    kind = chance.randrange(8 if depth < 4 else 5)
    if kind < 2:
        return chance.choice(TEXTS)
    if kind == 2:
        return chance.choice(NUMBERS)
    if kind in {3, 4}:
        return chance.choice([None, True, False])
    if kind == 5:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice([*FIELDS, *TEXTS]): value(chance, depth + 1) for _ in range(chance.randrange(5))}


def body(chance: random.Random) -> bytes:
    """Nearly right, wrong, cut off, or no JSON at all."""
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return b'{"a":' * chance.choice([10, 5000]) + b"1"
    if kind == 2:
        known = {"keywords": ["crm"], "regions": ["US"], "reason": "x", chance.choice(FIELDS): value(chance)}
        return json.dumps(known).encode("utf-8", "surrogatepass")
    text = json.dumps({chance.choice(FIELDS): value(chance) for _ in range(chance.randrange(6))})
    return text.encode("utf-8", "surrogatepass")[: chance.choice([None, 7])]


def quoted(text: str) -> bytes:
    """A path's or query's part as a careless client sends it."""
    return b"".join(
        bytes([byte]) if byte < 128 and chr(byte).isalnum() else b"%%%02X" % byte
        for byte in text.encode("utf-8", "surrogatepass")
    )


async def test_no_bad_request_is_an_error_of_ours(postgres_url: str) -> None:
    """5,000 of them over all routes, always the same ones: below 500, a problem, and silent about what is inside."""
    settings = Settings(
        postgres_url=postgres_url,
        token=TOKEN,
        gateway=Gateway(requests_per_second=0),
        providers={
            "serp": Provider(api_key=KEY, base_url="http://127.0.0.1:9"),
            "keywords": Provider(client_secret=SECRET),
        },
    )
    app = create_app(settings)
    routes = [(method, path) for method, path, _ in api_routes(app) if not path.endswith("/events")]
    chance = random.Random(7)
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        start = {"keywords": ["crm"], "regions": ["US"], "config": {"budget": 1}}
        started = await client.post(
            "/api/v1/pipeline/start", json=start, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        ids = [NOBODY, NOBODY, NOBODY, started.json()["pipeline_id"]]
        for _ in range(REQUESTS):
            method, path = chance.choice(routes)
            path = path.replace(NOBODY, chance.choice(ids))
            if chance.random() < 0.2:
                method = chance.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD"])
            parts = [part.encode() for part in path.split("/")]
            if chance.random() < 0.3:
                parts[chance.randrange(4, len(parts) + 1) :] = [quoted(chance.choice(TEXTS))]
            query = b"&".join(
                chance.choice(
                    ["limit", "cursor", "phase", "days", "format", "table", "category", "actor", "x"]
                ).encode()
                + b"="
                + quoted(chance.choice(TEXTS))
                for _ in range(chance.randrange(3))
            )
            headers = {b"Authorization": b"Bearer " + TOKEN.encode()}
            if chance.random() < 0.3:
                text = chance.choice(TEXTS).replace("\x00", "").encode("utf-8", "surrogatepass")
                headers[chance.choice(HEADERS).encode()] = text
            if b"/".join(parts).rstrip(b"/").endswith(b"/events"):
                continue  # a stream, which has no end to wait for; a changed path may lead there, too
            url = str(client.base_url).rstrip("/") + (b"/".join(parts) + b"?" + query).decode()
            content = body(chance) if method not in {"GET", "HEAD"} else None

            answer = await client.request(method, url, headers=headers, content=content)

            asked = (method, url[:300], content and content[:300], headers, answer.text[:500])
            assert answer.status_code < 500, asked
            assert not [leak for leak in LEAKS if leak in answer.text + str(answer.headers)], asked
            if answer.status_code >= 400 and method != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json", asked


async def test_a_zero_byte_in_a_path_names_nothing(client: AsyncTestClient[Any]) -> None:
    """Postgres takes none, so that it must not be asked: of every route with a name in its path."""
    started = await client.post("/api/v1/pipeline/start", json={"keywords": ["crm"], "regions": ["US"]})
    routes = [(method, path) for method, path, _ in api_routes(client.app) if "/serp" in path]
    assert len(routes) > 10
    for method, path in routes:
        url = path.replace("/serp", "/%00").replace(NOBODY, started.json()["pipeline_id"])
        answer = await client.request(
            method, url, json={"reason": "x"} if method not in {"GET", "DELETE"} else None
        )
        assert 400 <= answer.status_code < 500, (method, url, answer.text)
