"""Starting from an earlier pipeline: what the request is silent about, and what of the work still holds."""

from typing import Any

import msgspec
import pytest

from shared.domain.phases import CONTENT_ANALYSIS, CONTENT_SCRAPING, SERP_COLLECTION
from shared.domain.pipeline import PipelineConfig, freeze
from shared.domain.start import parse
from shared.domain.takeover import as_request, kept_phases, predecessor, taken_over
from shared.errors import InputError, MalformedError

EARLIER = "01a2124e-23df-7520-bcef-61de04dadc49"
FULL: dict[str, Any] = {
    "keywords": ["crm", {"keyword": "erp", "group": "g", "brand": True}],
    "regions": ["US", "GB"],
    "content_types": ["organic", "video"],
    "company": {"name": "Acme", "domains": ["acme.com"]},
    "competitors": [{"name": "Rival", "domains": ["rival.com", "rival.net"]}],
    "personas": [{"name": "Ada", "description": "buys"}],
    "landscapes": [{"name": "half", "keywords": ["crm"]}],
    "dimensions": [{"name": "trust", "focus": "proof", "signals": ["a", "b"]}],
    "journey_phases": ["one", "two"],
    "exclude_domains": ["bad.com"],
    "device": "mobile",
    "language": "en",
    "config": {
        "priority": "high",
        "serp": {"pages": {"organic": 3}, "ai_overview": True},
        "scrape": {"per_pipeline": 7, "credits_per_page": 10},
        "model": "another",
        "give_up_after_seconds": 5.0,
        "freshness": {"serp": 60.0},
        "phases": ["serp_collection", "content_scraping"],
        "enable_checkpoints": False,
        "enable_job_queue": False,
        "enable_circuit_breakers": False,
        "enable_state_tracking": False,
        "checkpoint_interval": 7,
    },
}


def frozen(body: dict[str, Any] | bytes) -> PipelineConfig:
    return freeze(parse(body if isinstance(body, bytes) else msgspec.json.encode(body))).config


def resume(**given: Any) -> bytes:
    config = {"resume_from_pipeline_id": EARLIER} | given.pop("config", {})
    return msgspec.json.encode({**given, "config": config})


@pytest.mark.parametrize("body", [FULL, {"keywords": ["a"], "regions": ["US"]}])
def test_a_configuration_as_a_request_freezes_to_itself(body: dict[str, Any]) -> None:
    """Nothing of it is lost on the way, and nothing is added."""
    config = frozen(body)
    assert frozen(as_request(config)) == config


def test_what_the_request_says_wins_field_by_field() -> None:
    """The rest is the earlier pipeline's, also inside `config`."""
    body = resume(regions=["DE"], config={"priority": "low"})
    config = frozen(taken_over(body, frozen(FULL), "simulator"))
    assert (config.regions, config.priority, config.checkpoint_interval) == (("DE",), "low", 7)
    assert config.resume_from_pipeline_id == EARLIER
    same = msgspec.structs.replace(
        config, regions=("US", "GB"), priority="high", resume_from_pipeline_id=None
    )
    assert same == frozen(FULL)


def test_how_it_resumes_is_never_inherited() -> None:
    """A pipeline that resumed from another is resumed from itself."""
    earlier = msgspec.structs.replace(frozen(FULL), resume_from_pipeline_id="x", resume_failed_only=True)
    config = frozen(taken_over(resume(), earlier, "simulator"))
    assert (config.resume_from_pipeline_id, config.resume_failed_only) == (EARLIER, False)


def test_phases_that_had_no_service_are_asked_for_again() -> None:
    """They may have one now."""
    request = parse(msgspec.json.encode({"keywords": ["a"], "regions": ["US"]}))
    earlier = freeze(request, services=("serp",)).config
    assert set(frozen(taken_over(resume(), earlier, "simulator")).phases) == {
        *earlier.phases, *earlier.without_service,
    }  # fmt: skip


def test_answers_of_two_worlds_are_not_mixed() -> None:
    """A simulated pipeline is not resumed with real providers."""
    with pytest.raises(InputError, match="simulator"):
        taken_over(resume(), frozen(FULL), "providers")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"resume_from_pipeline_id",
        b'["resume_from_pipeline_id"]',
        b'{"config": {"resume_from_pipeline_id": 3}}',
        b'{"config": {"resume_from_pipeline_id": "no id"}}',
        b'{"config": {"resume_from_pipeline_id": null}}',
        b'{"resume_from_pipeline_id": "01a2124e-23df-7520-bcef-61de04dadc49"}',
        b'{"config": []}, "resume_from_pipeline_id"',
        b"[" * 100_000 + b"resume_from_pipeline_id",
    ],
)
def test_a_body_without_a_predecessor_is_decoded_as_any_other(body: bytes) -> None:
    """Whatever is wrong with it is said by the one who decodes it."""
    assert predecessor(body) is None
    with pytest.raises((InputError, MalformedError)):
        parse(body)


def test_failures_only_needs_an_earlier_pipeline() -> None:
    """Alone it would mean nothing, and somebody meant something."""
    with pytest.raises(InputError, match="resume_failed_only"):
        frozen({"keywords": ["a"], "regions": ["US"], "config": {"resume_failed_only": True}})


def test_results_hold_as_long_as_their_provider_was_told_the_same() -> None:
    """Other personas make other analyses; searches and pages are as they were."""
    base = frozen({"keywords": ["a"], "regions": ["US"]})
    changed = frozen({"keywords": ["b"], "regions": ["US"], "personas": [{"name": "Ada"}]})
    kept = kept_phases(base, changed)
    assert SERP_COLLECTION in kept
    assert CONTENT_SCRAPING in kept
    assert CONTENT_ANALYSIS not in kept
    assert kept_phases(base, base) == [phase for phase in base.phases if phase != "dsi_calculation"]
