"""What holds every open item, recomputed from raw rows and raw Redis keys: nothing of the product's own explanation is used."""

from dataclasses import dataclass
from typing import Any

import psycopg
import redis

#: Service -> how its provider is called in Redis, and how many items one call of it serves.
PROVIDERS = {
    "serp": ("scale_serp", 1),
    "keywords": ("google_ads", 10_000),
    "enrichment": ("cognism", 20),
    "media": ("youtube", 50),
    "pages": ("scrapingbee", 1),
    "llm": ("openai", 1),
}
FOREVER = float("inf")
LINGER_SECONDS = 2.0

#: One row per open item: everything that could hold it, side by side.
_ROWS = """
    WITH open_jobs AS (
        SELECT job_id, unnest(item_ids) AS item_id FROM job_queue WHERE state IN ('pending', 'dispatched')
    ), company AS (
        SELECT pipeline_id, phase, batch_key, count(*) AS items, min(due_at) AS oldest
        FROM ready WHERE chunk = 0 GROUP BY 1, 2, 3
    ), upstream AS (
        SELECT i.pipeline_id, i.phase FROM items i JOIN pipeline_state s USING (pipeline_id, item_id)
        WHERE s.state IN ('pending', 'processing') GROUP BY 1, 2
    )
    SELECT i.pipeline_id::text, i.phase, i.key, s.state, p.state, s.updated_at::text || coalesce(o.job_id::text, '') || (r.item_id IS NULL)::text,
           w.reason, extract(epoch FROM w.next_at)::float8, o.job_id IS NOT NULL, r.item_id IS NOT NULL, coalesce(r.chunk, 0) > 0,
           p.item_caps ? i.phase, ARRAY(SELECT u.phase FROM upstream u WHERE u.pipeline_id = i.pipeline_id),
           coalesce(c.items, 0)::int, extract(epoch FROM c.oldest)::float8, extract(epoch FROM h.lease_until)::float8,
           p.bypasses_breaker, extract(epoch FROM clock_timestamp())::float8
    FROM items i
    JOIN pipeline_state s USING (pipeline_id, item_id)
    JOIN pipelines p USING (pipeline_id)
    LEFT JOIN waiting w USING (pipeline_id, item_id)
    LEFT JOIN ready r USING (pipeline_id, item_id)
    LEFT JOIN open_jobs o ON o.item_id = i.item_id AND s.state = 'pending'
    LEFT JOIN company c ON c.pipeline_id = i.pipeline_id AND c.phase = i.phase AND c.batch_key = i.batch_key
    LEFT JOIN job_queue h ON h.job_id = s.job_id AND s.state = 'processing'
    WHERE s.state IN ('pending', 'processing')
"""
_SERVICE_OF = {
    "keyword_metrics": "keywords",
    "serp_collection": "serp",
    "company_enrichment": "enrichment",
    "video_enrichment": "media",
    "content_scraping": "pages",
    "content_analysis": "llm",
    "dsi_calculation": "housekeeping",
}
_FEEDS = {
    "company_enrichment": ["serp_collection"],
    "video_enrichment": ["serp_collection"],
    "content_scraping": ["serp_collection"],
    "content_analysis": ["content_scraping"],
    "dsi_calculation": [name for name in _SERVICE_OF if name != "dsi_calculation"],
}


@dataclass(frozen=True, slots=True)
class Truth:
    """What holds an item, and what its rows looked like; two looks between which nothing moved agree on `version`."""

    gate: str
    version: str


def truths(postgres_url: str, redis_url: str) -> dict[tuple[str, str, str], Truth]:
    """Of every open item, by pipeline, phase and key."""
    with (
        psycopg.connect(postgres_url) as conn,
        redis.Redis.from_url(redis_url, decode_responses=True) as client,
    ):
        alive = {name for (name,) in conn.execute("SELECT name FROM leases WHERE lease_until > now()")}
        paused = {
            name
            for (name,) in conn.execute("SELECT service FROM circuit_breakers WHERE paused_at IS NOT NULL")
        }
        provider = {service: _provider(client, name) for service, (name, _) in PROVIDERS.items()}
        rows = conn.execute(_ROWS.encode()).fetchall()
    return {row[:3]: Truth(_gate(row, alive, paused, provider), _version(row)) for row in rows}


def _version(row: tuple[Any, ...]) -> str:
    """Of its own rows; and of its company, where it may wait for more of it: the oldest may leave, and the rest wait anew."""
    _, items_per_call = PROVIDERS.get(_SERVICE_OF[row[1]], ("", 1))
    return str(row[5]) + (f" {row[13]} since {row[14]}" if items_per_call > 1 else "")


def _provider(client: "redis.Redis", name: str) -> list[tuple[float, str]]:
    """(when it opens, which gate) of what is shut before a provider; half open is 0, for ever is infinite."""
    seconds, micros = client.time()
    now = seconds + micros / 1e6
    shut = []
    if hold := client.get(f"{{landscape}}:gate:{name}:hold"):
        until, reason = str(hold).split(" ")
        if int(until) / 1e6 > now:
            shut.append((int(until) / 1e6, reason))
    breaker = {str(k): str(v) for k, v in client.hgetall(f"{{landscape}}:gate:{name}:breaker").items()}
    if breaker.get("state", "closed") != "closed":
        opens = int(breaker["reopen_at"]) / 1e6
        if breaker["state"] == "open" and breaker["forced"] == "1":
            shut.append((FOREVER, "breaker"))
        else:
            shut.append((opens if breaker["state"] == "open" and opens > now else 0.0, "breaker"))
    return shut


def _gate(
    row: tuple[Any, ...], alive: set[str], paused: set[str], provider: dict[str, list[tuple[float, str]]]
) -> str:
    phase, state, pipeline, lease, now = row[1], row[3], row[4], row[15], row[17]
    service = _SERVICE_OF[phase]
    if state == "processing":
        return "working" if lease and lease >= now else "worker" if service not in alive else "lease"
    if pipeline in {"paused", "cancelled"}:
        return str(pipeline)
    if service in paused or service not in alive:
        return "paused" if service in paused else "worker"
    return _before_provider(row, provider.get(service, [])) or _in_line(row, service)


def _before_provider(row: tuple[Any, ...], shut: list[tuple[float, str]]) -> str | None:
    reason, next_at, in_job, bypasses, now = row[6], row[7], row[8], row[16], row[17]
    shut = [one for one in shut if one[1] != "breaker" or not (bypasses or (in_job and one[0] == 0))]
    if reason and next_at > now:
        same = [opens for opens, gate in shut if gate == reason]
        own = same[0] if same and reason == "breaker" else max([next_at, *same])
        shut = [(own, reason), *(one for one in shut if one[1] != reason)]
    return max(shut, key=lambda one: one[0])[1] if shut else None


def _in_line(row: tuple[Any, ...], service: str) -> str:
    in_job, due, suspect, capped, open_phases, company, oldest, now = *row[8:15], row[17]
    upstream = set(_FEEDS.get(row[1], ())) & set(open_phases)
    if not in_job and upstream and (capped or service == "housekeeping"):
        return "upstream"
    small = due and not suspect and upstream and company < PROVIDERS.get(service, ("", 1))[1]
    return "linger" if small and now - oldest < LINGER_SECONDS else "turn"
