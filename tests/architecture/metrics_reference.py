"""Writes docs/reference/metrics.md from shared/metrics.py: `python -m tests.architecture.metrics_reference`."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shared import metrics
from shared.domain.category import ErrorCategory
from shared.domain.phases import PHASES
from tests.architecture.pages import ROOT

REFERENCE = ROOT / "docs/reference/metrics.md"
SOURCE = ROOT / "shared/metrics.py"

#: Every label there is, with the values it may take. What is not here is no label.
LABELS = {
    "again": "`yes`, `no`",
    "category": "an error's: " + ", ".join(f"`{category}`" for category in ErrorCategory) + ", or `bug`",
    "method": "of HTTP, or `other`",
    "outcome": "as the metric says",
    "phase": ", ".join(f"`{phase}`" for phase in PHASES),
    "provider": "as `provider` in the table of [the settings](configuration.md#providers); of a quota also its stand-in",
    "queue": "a service, or `housekeeping`",
    "reason": "of a wait: `retry`, `rate`, `concurrency`, `breaker`, `quota`, `budget`, `account` and what else the glossary has",
    "route": "template of a path, or `unmatched`",
    "service": "folder under `services/`, or `housekeeping`",
    "state": "of an item, a job or a pipeline, as [the lifecycle](../lifecycle.md) has them",
    "status": "of HTTP",
    "to": "`closed`, `half_open`, `open`",
    "unit": "what the provider charges by",
    "version": "of the product",
}

_KINDS = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram", "Family": "gauge"}

_HEAD = """# Metrics

Generated from `shared/metrics.py` by `python -m tests.architecture.metrics_reference`; a test fails when it is out of date.

Names follow Prometheus: base units, `_total` for what only rises, `_seconds`. No id is ever a label. Workers serve `/metrics` on
`LANDSCAPE_EXPOSITION__PORT`, the gateway on its own port, without a token. Beside these every process has the `process_*` metrics
of the client library: memory, processor, open files, start. What to do about an alert is in [the runbooks](../runbooks).
"""
_OF_WORKERS = """Each worker counts what it does itself: sum over `instance`. What was counted by a process that died is kept by Prometheus alone.
"""
_OF_GATEWAY = """Requests are counted by each gateway. Everything else is read from the record for a scrape, at most every five seconds, by queries that count
neither items nor calls; every gateway tells the same, so take `max`, not `sum`.
"""


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric of shared/metrics.py."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]
    gateway: bool


def declared() -> Iterator[Declared]:
    """All of them, in the order of the file."""
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS:
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            name, meaning, *labels = (ast.literal_eval(argument) for argument in node.args)
            buckets = given.get("buckets")
            yield Declared(
                name,
                _KINDS[node.func.id],
                meaning,
                tuple(labels[0]) if labels else (),
                getattr(metrics, buckets.id) if isinstance(buckets, ast.Name) else (),
                gateway=node.func.id == "Family" or "registry" in given,
            )


def names() -> set[str]:
    """Of every series that is exposed for them."""
    parts = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
    return {f"{metric.name}{part}" for metric in declared() for part in parts[metric.kind]}


def reference() -> str:
    """The page."""
    parts = [_HEAD]
    for heading, introduction, gateway in (
        ("Of every worker", _OF_WORKERS, False),
        ("Of the gateway", _OF_GATEWAY, True),
    ):
        parts.append(f"## {heading}\n\n{introduction}")
        rows = [_row(metric) for metric in declared() if metric.gateway is gateway]
        parts.append(_table(("metric", "kind", "labels", "meaning"), rows))
    parts.append("## Labels\n")
    parts.append(_table(("label", "values"), [(f"`{label}`", values) for label, values in LABELS.items()]))
    return "\n".join(parts)


def _row(metric: Declared) -> tuple[str, ...]:
    bounds = ", ".join(f"{bound:g}" for bound in metric.buckets)
    meaning = metric.meaning + (f"; buckets {bounds}" if bounds else "")
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
    return f"`{metric.name}`", metric.kind, labels, meaning


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    REFERENCE.write_text(reference())
