"""The simulated Scale SERP: shapes, paging, credits, refusals, and the world it shows."""

import re
from collections import Counter
from typing import Any

import pytest

from tests.services.test_simulator_process import Simulator

VIDEO_LINK = re.compile(
    r"https://(?:www\.|m\.)?(?:youtube\.com/(?:watch\?(?:\S*&)?v=|shorts/)|youtu\.be/)([\w-]{11})\b"
)


@pytest.fixture(scope="module")
def many(process: Simulator) -> list[dict[str, Any]]:
    """Answers to 150 organic searches, in order."""
    process.fresh()
    return [process.search(f"keyword {number}", gl="us", max_page=2).json() for number in range(150)]


def _results(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [result for answer in answers for result in answer.get("organic_results", [])]


def test_envelope_has_the_documented_fields(sim: Simulator) -> None:
    """The blocks of a success answer, with their types."""
    answer = sim.search("coffee", location="London,England,United Kingdom").json()
    info = answer["request_info"]
    assert info["success"] is True
    assert {name: type(info[name]) for name in ("credits_used", "credits_remaining")} == {
        "credits_used": int,
        "credits_remaining": int,
    }
    assert info["credits_used_this_request"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-01T00:00:00\.000Z", info["credits_reset_at"])
    assert answer["search_parameters"]["q"] == "coffee"
    assert answer["search_parameters"]["gl"] == "uk"
    information = answer["search_information"]
    assert information["original_query_yields_zero_results"] is False
    assert information["total_results"] > 0
    assert information["detected_location"] == "London,England,United Kingdom"
    assert answer["pagination"]["current"] in (1, "1")


def test_metadata_urls_carry_the_key_in_clear(sim: Simulator) -> None:
    """As the real ones: whoever stores the block stores the key."""
    metadata = sim.search().json()["search_metadata"]
    assert "api_key=secret" in metadata["html_url"]
    assert "api_key=secret" in metadata["json_url"]


@pytest.mark.parametrize(
    ("search_type", "key", "fields"),
    [
        ({}, "organic_results", {"title", "link", "domain", "displayed_link", "snippet", "block_position"}),
        (
            {"search_type": "news"},
            "news_results",
            {"title", "link", "domain", "source", "time", "date", "date_utc", "snippet", "thumbnail"},
        ),
        (
            {"search_type": "videos"},
            "video_results",
            {"title", "link", "domain", "source", "channel", "length", "date", "snippet", "thumbnail"},
        ),
    ],
)
def test_each_search_type_has_its_own_result_list(
    sim: Simulator, search_type: dict[str, str], key: str, fields: set[str]
) -> None:
    """One list of 8 to 10 results, positions from 1, and none of the other lists."""
    answer = sim.search("running shoes", **search_type).json()
    assert [name for name in answer if name in ("organic_results", "news_results", "video_results")] == [key]
    results = answer[key]
    assert [result["position"] for result in results] == list(range(1, len(results) + 1))
    assert 8 <= len(results) <= 10
    assert all(fields <= result.keys() for result in results)
    assert all(result["link"].split("/")[2] == result["domain"] for result in results)


def test_same_seed_gives_the_same_results_and_another_seed_others(sim: Simulator) -> None:
    """A world is chosen by its seed and can be had again."""
    first = sim.search("tea").json()["organic_results"]
    sim.control("POST", "settings", {"seed": 2})
    other = sim.search("tea").json()["organic_results"]
    sim.control("POST", "settings", {"seed": 1})
    assert sim.search("tea").json()["organic_results"] == first
    assert [result["link"] for result in other] != [result["link"] for result in first]


def test_results_differ_by_keyword_region_and_device(sim: Simulator) -> None:
    """Whatever tells two searches apart tells their results apart; letter case does not."""
    searches = [
        {"q": "tea"},
        {"q": "green tea"},
        {"q": "tea", "gl": "de"},
        {"q": "tea", "device": "mobile"},
    ]
    seen = [
        tuple(r["link"] for r in sim.search(**parameters).json()["organic_results"])
        for parameters in searches
    ]
    assert len(set(seen)) == len(searches)
    assert tuple(r["link"] for r in sim.search("TEA").json()["organic_results"]) == seen[0]


def test_max_page_numbers_results_over_all_pages(sim: Simulator) -> None:
    """`position` restarts on each page, `position_overall` goes on; one credit per page."""
    answer = sim.search("coffee", max_page=5).json()
    results = answer["organic_results"]
    assert [result["position_overall"] for result in results] == list(range(1, len(results) + 1))
    assert sorted({result["page"] for result in results}) == [1, 2, 3, 4, 5]
    starts = [result["page"] for result in results if result["position"] == 1]
    assert starts == [1, 2, 3, 4, 5]
    assert answer["request_info"]["credits_used_this_request"] == 5
    assert sim.page()["units"] == 5


def test_single_page_has_no_overall_position(sim: Simulator) -> None:
    """`page` and `position_overall` come with max_page only."""
    results = sim.search("coffee").json()["organic_results"]
    assert not any("page" in result or "position_overall" in result for result in results)


def test_second_page_is_the_same_alone_and_within_a_longer_search(sim: Simulator) -> None:
    """Paging does not change the ranking."""
    both = sim.search("coffee", max_page=2).json()["organic_results"]
    alone = sim.search("coffee", page=2, max_page=1).json()["organic_results"]
    assert alone == [result for result in both if result["page"] == 2]


def test_search_with_fewer_pages_costs_fewer_credits(sim: Simulator) -> None:
    """Only pages that exist are charged."""
    for number in range(400):
        answer = sim.search(f"rare {number}", max_page=5).json()
        pages = {result["page"] for result in answer.get("organic_results", [])}
        if 0 < len(pages) < 5:
            assert answer["request_info"]["credits_used_this_request"] == len(pages)
            assert "next" not in answer["pagination"]
            return
    pytest.fail("none of 400 searches has fewer than 5 pages")


def test_some_searches_genuinely_find_nothing(sim: Simulator) -> None:
    """About one in a hundred: no list, the flag set, one credit all the same."""
    found: dict[str, Any] | None = None
    for number in range(1000):
        answer = sim.search(f"keyword {number}").json()
        if "organic_results" not in answer:
            found = answer
            break
    assert found is not None, "none of 1000 searches finds nothing"
    assert found["search_information"]["original_query_yields_zero_results"] is True
    assert found["search_information"]["total_results"] == 0
    assert found["request_info"]["credits_used_this_request"] == 1


def test_other_blocks_stand_on_some_serps_only(many: list[dict[str, Any]]) -> None:
    """A reader can rely on none of them."""
    for block in ("related_searches", "related_questions", "answer_box", "knowledge_graph", "ads"):
        assert 0 < sum(block in answer for answer in many) < len(many), block


def test_about_a_tenth_of_the_links_are_youtube_videos(many: list[dict[str, Any]]) -> None:
    """In several spellings, each with an id of 11 characters."""
    results = _results(many)
    videos = [result["link"] for result in results if VIDEO_LINK.match(result["link"])]
    assert 0.06 < len(videos) / len(results) < 0.14
    assert len({re.sub(r"[\w-]{11}", "ID", link.partition("?v=")[0]) for link in videos}) > 1
    assert any("youtu.be/" in link for link in videos)
    assert any("&t=30s" in link for link in videos)


def test_distinct_videos_grow_with_the_searches(many: list[dict[str, Any]]) -> None:
    """About half a new one per result page, so that a load has videos to enrich."""
    ids = {match[1] for result in _results(many) if (match := VIDEO_LINK.match(result["link"]))}
    assert 0.5 * len(many) < len(ids) < 2 * len(many)


def test_hosts_are_as_varied_as_real_ones(many: list[dict[str, Any]]) -> None:
    """Platforms, www., subdomains, two-part endings, private suffixes, both spellings of an IDN."""
    hosts = {result["domain"] for result in _results(many)}
    assert {"www.youtube.com", "en.wikipedia.org", "www.linkedin.com", "www.reddit.com"} <= hosts
    for pattern in (r"www\..+", r"(?:blog|shop|docs|help|go|academy)\..+", r".+\.co\.uk", r".+\.github\.io"):
        assert any(re.fullmatch(pattern, host) for host in hosts), pattern
    assert any(not host.isascii() for host in hosts)
    assert any("xn--" in host for host in hosts)


def test_few_hosts_hold_many_results(many: list[dict[str, Any]]) -> None:
    """A power law: leaders emerge, and a long tail of sites that rank once."""
    counts = sorted(Counter(result["domain"] for result in _results(many)).values(), reverse=True)
    assert sum(counts[:10]) > 0.2 * sum(counts)
    assert counts.count(1) > 0.2 * len(counts)


def test_region_favours_sites_at_home_there(sim: Simulator) -> None:
    """German sites rank in Germany more often than in the United States."""
    share = {}
    for gl in ("de", "us"):
        hosts = [r["domain"] for r in _results([sim.search(f"word {n}", gl=gl).json() for n in range(30)])]
        share[gl] = sum(host.endswith(".de") for host in hosts) / len(hosts)
    assert share["de"] > 2 * share["us"]


@pytest.mark.parametrize("size", [12_000, 40_000, 100_000])
def test_answer_is_padded_to_the_size_asked_for(sim: Simulator, size: int) -> None:
    """Within a tenth, and still the same results."""
    plain = sim.search("coffee").json()
    sim.control("POST", "settings", {"answer_bytes": size})
    answer = sim.search("coffee")
    assert 0.9 * size < len(answer.content) <= size
    assert answer.json()["organic_results"] == plain["organic_results"]


def test_ai_overview_costs_one_more_credit_when_returned(sim: Simulator) -> None:
    """It is returned for some of the searches that ask for it."""
    costs = set()
    for number in range(20):
        answer = sim.search(f"keyword {number}", include_ai_overview="true").json()
        costs.add((answer["request_info"]["credits_used_this_request"], "ai_overview" in answer))
    assert costs == {(1, False), (2, True)}


@pytest.mark.parametrize("key", [None, "", "invalid-key"])
def test_wrong_key_is_refused(sim: Simulator, key: str | None) -> None:
    """401 in the envelope, nothing charged."""
    answer = sim.http.get(
        "/scaleserp/search", params={"q": "x"} if key is None else {"q": "x", "api_key": key}
    )
    assert answer.status_code == 401
    assert answer.json()["request_info"]["success"] is False
    assert "API key" in answer.json()["request_info"]["message"]
    assert sim.page()["units"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q", " "),
        ("max_page", "6"),
        ("max_page", "0"),
        ("page", "x"),
        ("search_type", "music"),
        ("device", "watch"),
        ("output", "csv"),
    ],
)
def test_wrong_parameter_is_refused_by_name(sim: Simulator, name: str, value: str) -> None:
    """400 with a free text that names the parameter, nothing charged or bought."""
    answer = sim.search(**{"q": "coffee", name: value})
    assert answer.status_code == 400
    assert answer.json()["request_info"]["message"].startswith(f"The {name} parameter")
    page = sim.page()
    assert (page["calls"], page["units"], page["subjects"]) == (1, 0, 0)


def test_wrong_path_or_verb_is_not_found(sim: Simulator) -> None:
    """404 in the envelope."""
    answers = (sim.http.get("/scaleserp/serch"), sim.http.post("/scaleserp/search"))
    assert [answer.status_code for answer in answers] == [404, 404]
    assert all(answer.json()["request_info"]["success"] is False for answer in answers)


def test_account_tells_the_credits_free_of_charge(sim: Simulator) -> None:
    """What searches cost is what the account has used."""
    sim.search(max_page=3)
    account = sim.http.get("/scaleserp/account", params={"api_key": "secret"}).json()
    assert account["request_info"] == {"success": True}
    assert account["account_info"]["credits_used"] == 3
    assert account["account_info"]["topup_credits_remaining"] == 0
    assert sim.page()["units"] == 3
