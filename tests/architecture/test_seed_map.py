"""docs/seed-map.md is complete, what it points to exists, and its status is true."""

import importlib
import re
from collections.abc import Callable
from functools import cache

import pytest

from shared import config
from shared.config import PREFIX
from shared.domain.start import Config, StartRequest
from tests.architecture import pages
from tests.architecture.pages import ROOT
from tests.gateway.described import general, routes

_MONITORING = "/api/v1/monitoring"
#: Everything the seed names, by the headings of the page.
SEED = {
    "Paths": [
        *(
            f"backend/app/services/robustness/{name}.py"
            for name in ("state_tracker", "circuit_breaker", "job_queue", "retry_manager")
        ),
        "backend/app/core/robustness_logging.py",
        "backend/app/services/pipeline/enhanced_pipeline_service.py",
        "backend/app/services/serp/enhanced_serp_collector.py",
        "backend/app/services/enrichment/enhanced_company_enricher.py",
    ],
    "Classes": ["CircuitBreakerManager", "JobPriority", "PipelineConfig"],
    "Methods": [
        "initialize_pipeline()",
        "get_pending_items()",
        "update_state()",
        "create_checkpoint()",
        "reset_failed_items()",
        "get_breaker()",
        "enqueue()",
        "resume_pipeline()",
    ],
    "Endpoints": [
        "POST /api/v1/pipeline/start",
        f"GET {_MONITORING}/health",
        f"GET {_MONITORING}/circuit-breakers",
        f"POST {_MONITORING}/circuit-breakers/{{service_name}}/reset",
        f"GET {_MONITORING}/pipeline/{{pipeline_id}}/progress",
        f"GET {_MONITORING}/pipeline/{{pipeline_id}}/failed-items",
        f"POST {_MONITORING}/pipeline/{{pipeline_id}}/retry-failed",
        f"GET {_MONITORING}/job-queues",
        f"POST {_MONITORING}/job-queues/{{queue_name}}/retry-dead-letter",
        f"GET {_MONITORING}/retry-statistics",
        f"GET {_MONITORING}/service-health/{{service_name}}",
    ],
    "Settings": [
        "ROBUSTNESS_DEBUG_ENABLED",
        "ROBUSTNESS_LOG_TO_FILE",
        "ROBUSTNESS_LOG_CIRCUIT_BREAKER",
        "ROBUSTNESS_LOG_JOB_QUEUE",
        "ROBUSTNESS_LOG_PERFORMANCE_METRICS",
        "enable_state_tracking",
        "enable_circuit_breakers",
        "enable_job_queue",
        "enable_checkpoints",
        "checkpoint_interval",
        "resume_from_pipeline_id",
        "resume_failed_only",
        "failure_threshold",
        "success_threshold",
        "timeout_seconds",
        "job_type",
        "payload",
        "priority",
        "max_attempts",
        "Authorization: Bearer <token>",
        "port 8001",
    ],
    "Tables": [
        "pipeline_state",
        "circuit_breakers",
        "job_queue",
        "error_categories",
        "retry_history",
        "service_health_metrics",
        "pipeline_checkpoints",
    ],
    "Words": [
        "item states pending, processing, completed, failed, skipped",
        "breaker states CLOSED, OPEN, HALF_OPEN",
        "recoverable, non-recoverable, degraded",
        "exponential with jitter, linear, constant, no retry",
        "worker locking",
        "batch job",
        "dead letter queue",
        "performance metrics",
        "memory usage",
        "quota monitoring",
        "cache of results",
        "Scale SERP",
        "YouTube",
        "Cognism",
        "OpenAI",
        "ScrapingBee",
        "Google Ads",
    ],
}
LOG_SWITCHES, SWITCHES = SEED["Settings"][:5], SEED["Settings"][5:12]
#: Fields of a start's body.
BODY = {*Config.__struct_fields__, *StartRequest.__struct_fields__}
STATUS = re.compile(r"here|replaced|not yet \(issue: (robustness core|gateway|whole pipeline)\)")


def _section(heading: str) -> list[list[str]]:
    text = (ROOT / "docs/seed-map.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return pages.rows(text)[1:]


@cache
def _tables() -> set[str]:
    files = sorted(ROOT.glob("shared/store/migrations/*.sql"))
    return {
        name for path in files for name in re.findall(r"^CREATE TABLE (\w+)", path.read_text(), re.MULTILINE)
    }


def _has_function(name: str) -> bool:
    return any(
        re.search(rf"^\s*(async )?def {name}\(", path.read_text(), re.MULTILINE)
        for path in (ROOT / "shared").rglob("*.py")
    )


def _exists(thing: str) -> bool:
    """A route, a setting, a path, a name in the code, or a table."""
    if re.match(r"(GET|POST|PUT|PATCH|DELETE) /", thing):
        return general(thing) in routes()
    if thing.startswith(PREFIX):
        return thing.removeprefix(PREFIX) in config.names()
    if "/" in thing:
        return (ROOT / thing).exists()
    if "." in thing:
        module, _, name = thing.rpartition(".")
        return hasattr(importlib.import_module(module), name)
    return thing in _tables()


each_section = pytest.mark.parametrize("heading", SEED)


@each_section
def test_everything_of_the_seed_has_its_row(heading: str) -> None:
    """Once, and nothing else has one."""
    assert [seed.strip("`") for seed, *_ in _section(heading)] == SEED[heading]


@each_section
def test_status_is_one_of_those_there_are(heading: str) -> None:
    """Here or replaced, and then somewhere, a replacement with its reason; or not yet, and then nowhere."""
    for seed, ours, status, remark in _section(heading):
        assert STATUS.fullmatch(status), seed
        assert ("`" in ours) == (not status.startswith("not yet")), seed
        assert status != "replaced" or remark, seed


@each_section
def test_what_a_row_points_to_exists(heading: str) -> None:
    """In every row that points to something."""
    things = [
        (seed, thing) for seed, ours, *_ in _section(heading) for thing in re.findall(r"`([^`]+)`", ours)
    ]
    assert [pair for pair in things if not _exists(pair[1])] == []


@pytest.mark.parametrize(
    ("heading", "names", "is_there"),
    [
        ("Methods", SEED["Methods"], lambda name: _has_function(name.removesuffix("()"))),
        ("Endpoints", SEED["Endpoints"], _exists),
        ("Tables", SEED["Tables"], _exists),
        ("Settings", LOG_SWITCHES, lambda name: name in (ROOT / "shared/config.py").read_text()),
        ("Settings", SWITCHES, lambda name: name in BODY),
    ],
    ids=["methods", "endpoints", "tables", "log switches", "switches of a start"],
)
def test_status_follows_what_is_built(
    heading: str, names: list[str], is_there: Callable[[str], bool]
) -> None:
    """What is named as in the seed is "here" as soon as it is there, and no sooner."""
    status = {seed.strip("`"): status == "here" for seed, _, status, _ in _section(heading)}
    assert {name: status[name] for name in names} == {name: is_there(name) for name in names}
