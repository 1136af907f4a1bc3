"""A provider that answers with nothing but errors costs the report its own share, and nothing else.

Only the pages of some sites, which fail in every simulated world, may be missing besides.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services.gateway.cli.api import Api
from services.gateway.standalone.stack import SIMULATED_LIMITS
from shared.domain.phases import (
    COMPANY_ENRICHMENT,
    CONTENT_ANALYSIS,
    CONTENT_SCRAPING,
    DSI_CALCULATION,
    KEYWORD_METRICS,
    PHASES,
    SERP_COLLECTION,
    VIDEO_ENRICHMENT,
)
from tests.resilience.scenario import Scenario, system

KEYWORDS = 10
#: Long enough for a second try, and short enough to wait for.
GIVE_UP_SECONDS = 8
#: A dead key is noticed by the calls in flight, and until each process knows by a few more.
HANDFUL = int(SIMULATED_LIMITS["CONCURRENCY"]) + 5
#: No larger share of the pages is on sites that always fail.
BROKEN_PAGES = 0.1

Phases = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """What one pipeline came to, with every phase by its name."""

    state: str
    progress: Phases
    coverage: Mapping[str, Any]
    page: str
    """The report as HTML."""
    unproven: Sequence[Any]
    """Checks of the audit that failed."""
    calls: Mapping[str, int]
    """That the simulator saw, by provider."""

    @property
    def covered(self) -> Phases:
        """Phases as the report has them."""
        return {phase["phase"]: phase for phase in self.coverage["phases"]}


def run(folder: Path, *faults: Mapping[str, Any], services: Sequence[str] | None = None) -> Run:
    """A whole system and a small pipeline, with these faults in force from the first call to the last."""
    body = {
        "keywords": [f"keyword {n}" for n in range(KEYWORDS)],
        "regions": ["US"],
        "content_types": ["organic", "video"],
        "config": {"serp": {"pages": {"organic": 1}}, "give_up_after_seconds": GIVE_UP_SECONDS},
    }
    with system(folder, fault_rate=0.0, services=services) as machine:
        control = f"{machine.run_file.simulator_url}/_control"
        for fault in faults:
            httpx.post(f"{control}/faults", json=fault).raise_for_status()
        with Api(machine.run_file.gateway_url, machine.run_file.token) as api:
            pipeline_id = str(api.start(json.dumps(body).encode())["pipeline_id"])
        with Scenario(machine, pipeline_id) as scenario:
            progress = scenario.end()
            report = json.loads(scenario.api.report(pipeline_id, "json"))
            page = scenario.api.report(pipeline_id, "html").decode()
            checks = scenario.api.audit(pipeline_id)["checks"]
        ledger = httpx.get(f"{control}/ledger").json()
    return Run(
        progress["state"],
        {phase["phase"]: phase for phase in progress["phases"]},
        report["coverage"],
        page,
        [check for check in checks if not check["passed"]],
        {provider: tally["calls"] for provider, tally in ledger.items()},
    )


def always(provider: str, fault: str) -> dict[str, Any]:
    """Every call to this provider ends so."""
    return {"provider": provider, "fault": fault, "rate": 1}


def assert_missing(run: Run, phase: str) -> None:
    """None of a phase's items is completed, each of them has ended, and the report says so."""
    counts, covered = run.progress[phase], run.covered[phase]
    assert counts["planned"] > counts["completed"] == 0
    assert counts["failed"] + counts["skipped"] == counts["planned"]
    assert covered["share"] == covered["completed"] == covered["open"] == 0
    ended = [f"{counts[state]:,} {state}" for state in ("failed", "skipped") if counts[state]]
    assert f"Phase {phase.replace('_', ' ')}: {', '.join(ended)} of {counts['planned']:,}" in run.page
    assert not run.coverage["complete"]


def assert_there(run: Run, *phases: str) -> None:
    """All items of these phases are completed, but for pages nobody gets."""
    for phase in phases:
        counts, share = run.progress[phase], run.covered[phase]["share"]
        assert counts["completed"] + counts["failed"] + counts["skipped"] == counts["planned"] > 0
        assert share >= (1 - BROKEN_PAGES if phase == CONTENT_SCRAPING else 1), counts


def test_failing_companies_and_a_dead_key_of_the_language_model(tmp_path: Path) -> None:
    """500 for every search of a company, 401 for every page: the rest is complete, and the key costs a handful of calls."""
    ended = run(tmp_path, always("cognism", "server_error"), always("openai", "auth"))

    assert ended.state == "completed_with_gaps"
    assert ended.unproven == []
    for phase in (COMPANY_ENRICHMENT, CONTENT_ANALYSIS):
        assert_missing(ended, phase)
    assert_there(ended, *PHASES.keys() - {COMPANY_ENRICHMENT, CONTENT_ANALYSIS})
    assert 0 < ended.calls["openai"] <= HANDFUL < ended.progress[CONTENT_ANALYSIS]["planned"]


def test_a_provider_that_hangs_up_and_a_used_up_plan(tmp_path: Path) -> None:
    """The first call for videos hangs, all others are cut; no page is fetched, so that none can be analysed."""
    hanging = {"provider": "youtube", "fault": "hang", "nth": 1, "seconds": 60}
    ended = run(tmp_path, hanging, always("youtube", "drop"), always("scrapingbee", "quota"))

    assert ended.state == "completed_with_gaps"
    assert ended.unproven == []
    for phase in (VIDEO_ENRICHMENT, CONTENT_SCRAPING):
        assert_missing(ended, phase)
    assert (ended.covered[CONTENT_ANALYSIS]["planned"], ended.covered[CONTENT_ANALYSIS]["share"]) == (0, None)
    assert_there(ended, KEYWORD_METRICS, SERP_COLLECTION, COMPANY_ENRICHMENT, DSI_CALCULATION)
    assert 0 < ended.calls["scrapingbee"] <= HANDFUL < ended.progress[CONTENT_SCRAPING]["planned"]
    assert ended.calls["youtube"] > 1


def test_without_a_single_search_the_pipeline_has_failed(tmp_path: Path) -> None:
    """400 for every search: each is asked for once, the pipeline ends, and the volumes that were bought are there."""
    ended = run(tmp_path, always("scale_serp", "bad_request"), services=("serp", "keywords"))

    assert ended.state == "failed"
    assert ended.unproven == []
    assert_missing(ended, SERP_COLLECTION)
    assert_there(ended, KEYWORD_METRICS, DSI_CALCULATION)
    assert ended.calls["scale_serp"] == ended.progress[SERP_COLLECTION]["planned"] == 2 * KEYWORDS
    assert [search["share"] for search in ended.coverage["searches"]] == [0, 0]
