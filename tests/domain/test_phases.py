"""The phases: who feeds whom, and what a result makes due."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from shared.domain.keys import registrable_domain
from shared.domain.phases import PHASES, SERVICES, NewItem, Rules, feeding, found_in, of_service
from shared.domain.results import PageResult, Ranking, SearchResult, VideoResult

FOLDERS = Path(__file__).parents[2] / "services"
ALL = Rules(tuple(PHASES))
ORGANIC = '["shoes","US","organic"]'

VIDEO = "https://www.youtube.com/watch?v="


def _search(*urls: str) -> SearchResult:
    return SearchResult(tuple(Ranking(n, url, registrable_domain(url)) for n, url in enumerate(urls, 1)))


def _keys(phase: str, items: list[NewItem]) -> list[str]:
    return [item.key for item in items if item.phase == phase]


def test_found_items_are_sorted_and_distinct() -> None:
    """Two transactions that find the same items must lock them in the same order."""
    result = _search(
        f"{VIDEO}bbbbbbbbbbb", "https://youtu.be/aaaaaaaaaaa", f"{VIDEO}bbbbbbbbbbb&t=1", "https://a.example/"
    )

    found = found_in("serp_collection", ORGANIC, result, ALL)

    assert [(item.phase, item.key, item.value) for item in found] == [
        ("company_enrichment", "a.example", 0.25),
        ("content_scraping", "a.example/", 0.25),
        ("video_enrichment", "aaaaaaaaaaa", 0.5),
        ("video_enrichment", "bbbbbbbbbbb", 1.0),
    ]


def test_a_page_is_found_once_however_it_is_linked() -> None:
    """The first spelling is the one that is fetched."""
    result = _search(
        "https://www.a.example/x/?utm_source=g#top", "http://a.example:80/x", "https://a.example/x?id=2"
    )

    found = found_in("serp_collection", ORGANIC, result, ALL)

    assert _keys("content_scraping", found) == ["a.example/x", "a.example/x?id=2"]
    assert found[1].input == {"url": "https://www.a.example/x/?utm_source=g#top"}


def test_pages_are_those_of_web_and_news_that_stand_high() -> None:
    """No video results, no files, no players, and nothing beyond position 20."""
    urls = [f"https://site-{n}.example/p" for n in range(1, 23)]
    urls[3:5] = ["https://site-4.example/a.PDF?x=1", "https://vimeo.com/123"]
    result = _search(*urls)

    assert len(_keys("content_scraping", found_in("serp_collection", ORGANIC, result, ALL))) == 18
    assert len(_keys("content_scraping", found_in("serp_collection", '["a","US","news"]', result, ALL))) == 18
    assert _keys("content_scraping", found_in("serp_collection", '["a","US","video"]', result, ALL)) == []


def test_companies_are_looked_up_by_domains_somebody_registered() -> None:
    """No platform, no address, and nobody who was excluded."""
    rules = Rules(tuple(PHASES), frozenset({"bad.example"}))
    result = _search(
        "https://en.wikipedia.org/wiki/X",
        "http://127.0.0.1/x",
        "http://[::1]/",
        "https://www.bad.example/",
        "https://good.example/",
    )

    found = found_in("serp_collection", ORGANIC, result, rules)

    assert _keys("company_enrichment", found) == ["good.example"]
    assert "bad.example/" not in _keys("content_scraping", found)


def test_a_page_with_something_to_read_is_analysed() -> None:
    """A shell or a captcha is not worth a prompt."""
    page = PageResult(found=True, url="https://a.example/x", title="X", words=20)

    (item,) = found_in("content_scraping", "a.example/x", page, ALL)

    assert (item.phase, item.key) == ("content_analysis", "a.example/x")
    assert item.input == {"url": "https://a.example/x", "title": "X"}
    assert found_in("content_scraping", "a.example/x", PageResult(found=True, words=19), ALL) == []


def test_disabled_phase_is_given_nothing() -> None:
    """A pipeline without videos has no video items, not skipped ones."""
    rules = Rules(("serp_collection",))

    assert found_in("serp_collection", ORGANIC, _search(f"{VIDEO}bbbbbbbbbbb"), rules) == []


def test_last_phase_finds_nothing() -> None:
    """A video leads nowhere."""
    video = VideoResult(found=True, title=f"{VIDEO}bbbbbbbbbbb")

    assert found_in("video_enrichment", "bbbbbbbbbbb", video, ALL) == []


def test_upstreams_exist_and_form_no_circle() -> None:
    """Each phase can be reached from the keywords."""
    graph = {phase.name: phase.upstream for phase in PHASES.values()}

    assert set(TopologicalSorter(graph).static_order()) == set(PHASES)
    for phase in PHASES.values():
        assert (phase.find is None) == (phase.upstream == ())


def test_pipeline_has_a_mandatory_phase() -> None:
    """Without one a pipeline that got nothing at all would count as completed."""
    assert any(phase.mandatory for phase in PHASES.values())


def test_every_phase_with_a_provider_has_a_service_of_its_own() -> None:
    """Queue, leader and settings go by the service's name; what buys nothing is housekeeping's."""
    queues = [phase.queue for phase in PHASES.values()]

    assert len(queues) == len(set(queues))
    assert [of_service(service).name for service in SERVICES] == list(PHASES)[:-1]
    assert PHASES["dsi_calculation"].queue == "housekeeping"


def test_what_feeds_others_comes_in_the_order_of_the_work() -> None:
    """The audit recomputes keys by it."""
    assert [phase.name for phase in feeding(tuple(PHASES))] == ["serp_collection", "content_scraping"]
    assert feeding(("serp_collection",)) == []


def test_unknown_service_has_no_phase() -> None:
    """A service that no phase names could never be given work."""
    with pytest.raises(KeyError, match="gateway"):
        of_service("gateway")


@pytest.mark.parametrize("service", SERVICES)
def test_service_of_a_phase_is_a_folder_with_the_common_anatomy(service: str) -> None:
    """A seventh provider is a folder like the others and one line in the phases."""
    folder = FOLDERS / service

    init = (folder / "__init__.py").read_text()
    assert re.fullmatch(r'"""[^"\n]+\."""\n', init)
    assert "\nPROVIDER = Provider(" in (folder / "provider.py").read_text()
    assert "\nasync def handle(" in (folder / "provider.py").read_text()
    assert (folder / "worker.py").read_text().endswith("\nbroker = serve(PROVIDER, handle)\n")
    assert f'name = "landscape-{service}"' in (folder / "pyproject.toml").read_text()
