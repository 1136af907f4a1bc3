"""Figures of monitoring recomputed from raw rows: nothing the product keeps on the side, neither counter nor sum, is used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

Answer = dict[str, Any]
Figures = dict[Any, Any]
STATES = ("pending", "processing", "completed", "failed", "skipped")

_ITEMS = """
    SELECT i.phase, d.name, count(*) FROM pipeline_state s JOIN items i USING (pipeline_id, item_id), LATERAL (VALUES
        (s.state), ('planned'), ('waiting.' || s.wait_reason), (CASE WHEN s.state = 'completed' AND s.from_store THEN 'from_store' END),
        (CASE WHEN s.state = 'completed' AND s.degraded IS NOT NULL THEN 'degraded' END)) AS d (name)
    WHERE s.pipeline_id = %(pipeline)s AND d.name IS NOT NULL GROUP BY 1, 2
    UNION ALL
    SELECT j.job_type, d.name, sum(d.n)::bigint FROM provider_calls c JOIN job_queue j USING (job_id), LATERAL (VALUES
        ('calls', 1), ('units', c.units)) AS d (name, n)
    WHERE c.pipeline_id = %(pipeline)s AND c.state NOT IN ('sent', 'refunded') AND c.outcome <> 'lease_expired' GROUP BY 1, 2"""
_FAILED = """
    SELECT i.phase, s.error_category, count(*), (array_agg(i.item_id ORDER BY i.item_id))[:50]
    FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)
    WHERE s.pipeline_id = %(pipeline)s AND (s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable')
    GROUP BY 1, 2"""
_JOBS = """
    SELECT queue_name, state, count(*) FROM job_queue
    WHERE state IN ('pending', 'dispatched', 'processing', 'dead_letter') GROUP BY 1, 2"""
_OPEN = """
    SELECT i.phase, count(*), count(s.next_at) FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)
    JOIN pipelines p USING (pipeline_id) WHERE s.state = 'pending' AND p.ended_at IS NULL GROUP BY 1"""
_WAITING = """
    SELECT w.phase, w.reason, count(*) FROM waiting w JOIN pipelines p USING (pipeline_id) WHERE p.ended_at IS NULL GROUP BY 1, 2"""
_RETRIES = """
    SELECT h.phase, h.category, sum(h.tries)::int, sum(h.retries)::int, count(*), count(*) FILTER (WHERE s.state = 'completed'),
           round(coalesce(sum(h.delays) / nullif(sum(h.retries), 0), 0)::numeric, 6)
    FROM (SELECT pipeline_id, item_id, phase, category, count(*) AS tries, count(next_at) AS retries, sum(delay_seconds) AS delays
          FROM retry_history WHERE recorded_at >= %(since)s GROUP BY 1, 2, 3, 4) h
    LEFT JOIN pipeline_state s USING (pipeline_id, item_id) GROUP BY 1, 2"""
_WINDOWS = """
    SELECT coalesce(sum(requests), 0), coalesce(sum(successes), 0), coalesce(sum(failures), 0), coalesce(sum(timeouts), 0),
           round((sum(seconds) / nullif(sum(requests), 0))::numeric, 6)
    FROM service_health_metrics WHERE service = %(service)s AND window_start >= %(since)s"""
_ERRORS = """
    SELECT e.key, sum(e.value::int) FROM service_health_metrics, jsonb_each_text(errors) e
    WHERE service = %(service)s AND window_start >= %(since)s GROUP BY 1"""
_CALLS = """
    SELECT provider, count(*) FILTER (WHERE state <> 'sent'), count(*) FILTER (WHERE outcome <> 'ok'),
           count(*) FILTER (WHERE state = 'sent')
    FROM provider_calls WHERE sent_at > now() - interval '10 min' GROUP BY 1"""
_LEADERS = "SELECT name, holder FROM leases WHERE lease_until > now()"
_BREAKERS = "SELECT service, state, epoch, failures, successes, trips FROM circuit_breakers"
_WORKERS = """
    SELECT w.holder, w.service, w.seen_at > now() - interval '15 s', w.threads,
           (SELECT count(*) FROM job_queue j WHERE j.state = 'processing' AND j.lease_holder = w.holder),
           (SELECT count(*) FROM provider_calls c JOIN job_queue j USING (job_id)
            WHERE c.state = 'sent' AND j.state = 'processing' AND j.lease_holder = w.holder),
           ARRAY(SELECT name FROM leases l WHERE l.holder = w.holder AND l.lease_until > now() ORDER BY name)
    FROM workers w"""
_TODAY = """
    SELECT f.service, (SELECT coalesce(sum(committed_units), 0) FROM provider_calls c WHERE c.source = f.source
                       AND c.day = (now() AT TIME ZONE f.day_zone)::date),
           count(c.call_id), coalesce(sum(c.units), 0)
    FROM provider_profiles f LEFT JOIN provider_calls c
         ON c.provider = f.provider AND c.sent_at >= date_trunc('minute', now() - interval '1 hour', 'UTC')
    GROUP BY f.service, f.source, f.day_zone"""


@dataclass(frozen=True, slots=True)
class Route:
    """A question, what of its answer is a figure, and the same figures by raw rows of one moment."""

    path: str
    read: Callable[[Answer], Figures]
    count: Callable[[psycopg.Connection, Answer], Figures]
    """The answer tells only since when was counted."""


def routes(pipeline_id: str) -> list[Route]:
    """Every figure an operator is told while a pipeline runs."""
    whose = {"pipeline": pipeline_id}
    own = f"/monitoring/pipeline/{pipeline_id}"
    return [
        Route(f"{own}/progress", _progress, lambda conn, _: _keyed(conn, _ITEMS, whose)),
        Route(f"{own}/failed-items", _failed, lambda conn, _: _keyed(conn, _FAILED, whose)),
        Route("/monitoring/job-queues", _queues, _count_queues),
        Route("/monitoring/retry-statistics", _retries, _since(_RETRIES, 2)),
        Route("/monitoring/retry-statistics?days=0.001", _retries, _since(_RETRIES, 2)),
        *(
            Route(f"/monitoring/service-health/{service}?minutes={minutes}", _health_of, _windows(service))
            for service in ("serp", "media")
            for minutes in (60, 1440)
        ),
        Route("/monitoring/health", _health, _count_health),
        Route("/monitoring/circuit-breakers", _breakers, lambda conn, _: _keyed(conn, _BREAKERS, {}, 1)),
        Route("/monitoring/workers", _workers, lambda conn, _: _keyed(conn, _WORKERS, {}, 1)),
        Route("/monitoring/services", _services, _count_services),
        Route("/monitoring/providers", _providers, lambda conn, _: _keyed(conn, _TODAY, {}, 1)),
    ]


def _rows(conn: psycopg.Connection, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    return conn.execute(query.encode(), parameters).fetchall()


def _keyed(conn: psycopg.Connection, query: str, parameters: dict[str, Any], width: int = 2) -> Figures:
    """The first columns -> the others; what is 0 alone is left out."""
    found = {row[:width]: _plain(row[width:]) for row in _rows(conn, query, parameters)}
    return {key: value for key, value in found.items() if value != (0,)}


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        value if isinstance(value, bool | str | list) or value is None else float(value) for value in row
    )


def _since(query: str, width: int) -> Callable[[psycopg.Connection, Answer], Figures]:
    return lambda conn, answer: _keyed(conn, query, {"since": answer["since"]}, width)


def _progress(answer: Answer) -> Figures:
    found: Figures = {}
    for page in answer["phases"]:
        figures = {name: page[name] for name in (*STATES, "planned", "calls", "from_store", "degraded")}
        figures |= {f"waiting.{reason}": n for reason, n in page["waiting"].items()}
        found |= {(page["phase"], name): (float(n),) for name, n in figures.items() if n}
        found |= {(page["phase"], "units"): (float(page["units"]),)} if page["units"] else {}
    return found


def _failed(answer: Answer) -> Figures:
    listed = [(item["phase"], item["category"], item["item_id"]) for item in answer["items"]]
    assert len(listed) < 50, "the pipeline fails more than a page"
    return {
        (g["phase"], g["category"]): (
            float(g["items"]),
            [n for phase, category, n in listed if (phase, category) == (g["phase"], g["category"])],
        )
        for g in answer["groups"]
    }


def _queues(answer: Answer) -> Figures:
    found: Figures = {}
    for queue in answer["queues"]:
        jobs = {**queue["jobs"], "dead_letter": queue["dead_letters"]}
        found |= {(queue["queue"], state): (float(n),) for state, n in jobs.items() if n}
        if queue["items_pending"]:
            found[queue["phase"],] = (float(queue["items_pending"]), float(queue["items_waiting"]))
    return found


def _count_queues(conn: psycopg.Connection, _: Answer) -> Figures:
    return _keyed(conn, _JOBS, {}) | _keyed(conn, _OPEN, {}, 1)


def _retries(answer: Answer) -> Figures:
    return {
        (p["phase"], p["category"]): (
            *(float(p[name]) for name in ("attempts", "retries", "items", "recovered")),
            round(p["mean_delay_seconds"] or 0.0, 6),
        )
        for p in answer["phases"]
    }


def _health_of(answer: Answer) -> Figures:
    total = answer["total"]
    mean = total["avg_seconds"]
    assert total["requests"] == sum(window["figures"]["requests"] for window in answer["windows"])
    return {
        "total": (
            *(float(total[name]) for name in ("requests", "successes", "failures", "timeouts")),
            None if mean is None else round(mean, 6),
        ),
        **{(error,): (float(n),) for error, n in total["errors"].items()},
    }


def _windows(service: str) -> Callable[[psycopg.Connection, Answer], Figures]:
    def count(conn: psycopg.Connection, answer: Answer) -> Figures:
        which = {"service": service, "since": answer["since"]}
        (total,) = _rows(conn, _WINDOWS, which)
        return {"total": _plain(total)} | _keyed(conn, _ERRORS, which, 1)

    return count


def _health(answer: Answer) -> Figures:
    return {
        **{("jobs", q["queue"], q["state"]): (float(q["jobs"]),) for q in answer["queues"]},
        **{("waiting", w["phase"], w["reason"]): (float(w["items"]),) for w in answer["waiting"]},
        **{
            ("calls", p["provider"]): tuple(float(p[name]) for name in ("calls", "errors", "in_flight"))
            for p in answer["providers"]
        },
        **{("leader", leader["service"]): (leader["holder"],) for leader in answer["leaders"]},
        **{("breaker", b["service"]): (b["state"], float(b["trips"])) for b in answer["breakers"]},
        **{("worker", w["holder"]): (w["alive"],) for w in answer["workers"]},
    }


def _count_health(conn: psycopg.Connection, _: Answer) -> Figures:
    jobs = {("jobs", *key): n for key, n in _keyed(conn, _JOBS, {}).items() if key[1] != "dead_letter"}
    breakers = _keyed(conn, _BREAKERS, {}, 1)
    return {
        **jobs,
        **{("waiting", *key): n for key, n in _keyed(conn, _WAITING, {}).items()},
        **{("calls", *key): n for key, n in _keyed(conn, _CALLS, {}, 1).items()},
        **{("leader", *key): holder for key, holder in _keyed(conn, _LEADERS, {}, 1).items()},
        **{("breaker", *key): (row[0], row[4]) for key, row in breakers.items()},
        **{("worker", *key): (row[1],) for key, row in _keyed(conn, _WORKERS, {}, 1).items()},
    }


def _breakers(answer: Answer) -> Figures:
    """Those on record; a service whose workers have never run is told as closed."""
    names = ("epoch", "failures", "successes", "trips")
    return {
        (b["service"],): (b["state"], *(float(b[name]) for name in names))
        for b in answer["items"]
        if b["changed_at"]
    }


def _workers(answer: Answer) -> Figures:
    return {
        (w["holder"],): (
            w["service"], w["alive"], *(float(w[name]) for name in ("threads", "jobs", "calls")), sorted(w["leads"]),
        )
        for w in answer["items"]
    }  # fmt: skip


def _services(answer: Answer) -> Figures:
    names = ("replicas", "threads", "jobs", "calls")
    return {
        (s["service"],): (*(float(s[name]) for name in names), s["leader"])
        for s in answer["items"]
        if s["replicas"]
    }


def _count_services(conn: psycopg.Connection, _: Answer) -> Figures:
    alive = [row for row in _rows(conn, _WORKERS, {}) if row[2]]
    found: Figures = {}
    for service in {row[1] for row in alive}:
        own = [row for row in alive if row[1] == service]
        leader = next((row[0] for row in own if service in row[6]), None)
        found[service,] = (float(len(own)), *(float(sum(row[n] for row in own)) for n in (3, 4, 5)), leader)
    return found


def _providers(answer: Answer) -> Figures:
    return {
        (s["profile"]["service"],): tuple(
            float(s[name]) for name in ("units_today", "calls_last_hour", "units_last_hour")
        )
        for s in answer["items"]
    }
