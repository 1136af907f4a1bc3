"""The phases: who feeds whom, and what a result makes due."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from shared.domain.phases import PHASES, NewItem, found_in, of_service
from shared.domain.results import Ranking, SearchResult, VideoResult

SERVICES = Path(__file__).parents[2] / "services"
ALL = frozenset(PHASES)

VIDEO = "https://www.youtube.com/watch?v="


def _search(*urls: str) -> SearchResult:
    return SearchResult(tuple(Ranking(n, url, "youtube.com") for n, url in enumerate(urls, 1)))


def test_found_items_are_sorted_and_distinct() -> None:
    """Two transactions that find the same items must lock them in the same order."""
    result = _search(
        f"{VIDEO}bbbbbbbbbbb", "https://youtu.be/aaaaaaaaaaa", f"{VIDEO}bbbbbbbbbbb&t=1", "https://a.example/"
    )

    assert found_in("serp_collection", result, ALL) == [
        NewItem("video_enrichment", "aaaaaaaaaaa"),
        NewItem("video_enrichment", "bbbbbbbbbbb"),
    ]


def test_disabled_phase_is_given_nothing() -> None:
    """A pipeline without videos has no video items, not skipped ones."""
    assert found_in("serp_collection", _search(f"{VIDEO}bbbbbbbbbbb"), {"serp_collection"}) == []


def test_last_phase_finds_nothing() -> None:
    """A video leads nowhere."""
    assert found_in("video_enrichment", VideoResult(found=True, title=f"{VIDEO}bbbbbbbbbbb"), ALL) == []


def test_upstreams_exist_and_form_no_circle() -> None:
    """Each phase can be reached from the keywords."""
    graph = {phase.name: phase.upstream for phase in PHASES.values()}

    assert set(TopologicalSorter(graph).static_order()) == set(PHASES)
    for phase in PHASES.values():
        assert (phase.find is None) == (phase.upstream == ())


def test_pipeline_has_a_mandatory_phase() -> None:
    """Without one a pipeline that got nothing at all would count as completed."""
    assert any(phase.mandatory for phase in PHASES.values())


def test_every_phase_has_a_service_of_its_own() -> None:
    """Queue, leader and settings go by the service's name."""
    services = [phase.service for phase in PHASES.values()]

    assert len(services) == len(set(services))
    assert [of_service(service).name for service in services] == list(PHASES)


def test_unknown_service_has_no_phase() -> None:
    """A service that no phase names could never be given work."""
    with pytest.raises(KeyError, match="gateway"):
        of_service("gateway")


@pytest.mark.parametrize("service", [phase.service for phase in PHASES.values()])
def test_service_of_a_phase_is_a_folder_with_the_common_anatomy(service: str) -> None:
    """A seventh provider is a folder like the others and one line in the phases."""
    folder = SERVICES / service

    init = (folder / "__init__.py").read_text()
    assert re.fullmatch(r'"""[^"\n]+\."""\n', init)
    assert "\nPROVIDER = Provider(" in (folder / "provider.py").read_text()
    assert "\nasync def handle(" in (folder / "provider.py").read_text()
    assert (folder / "worker.py").read_text().endswith("\nbroker = serve(PROVIDER, handle)\n")
    assert f'name = "landscape-{service}"' in (folder / "pyproject.toml").read_text()
