"""The simulator's ledger, limits and control API."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from shared.testing.eventually import wait_until
from tests.services.test_simulator_process import Simulator

IDS = ["AAAAAAAAAAA", "BBBBBBBBBBB", "CCCCCCCCCCC"]


def test_ledger_starts_empty_for_every_provider(sim: Simulator) -> None:
    """All figures are there and zero."""
    ledger = sim.control("GET", "ledger")
    assert set(ledger) >= {"scale_serp", "youtube", "google_ads", "oauth", "cognism", "scrapingbee", "openai"}
    promised = {"calls", "subjects", "repeated_subjects", "units", "peak_concurrency", "peak_per_second"}
    for page in ledger.values():
        assert promised | {"faults_injected", "over_limit"} <= set(page)
        assert set(page.values()) == {0}


def test_search_bought_three_times_counts_two_repeats(sim: Simulator) -> None:
    """Calls and units are counted apart from subjects."""
    for _ in range(3):
        sim.search("tea", max_page=2)
    sim.search("green tea")
    page = sim.page()
    assert (page["calls"], page["units"], page["subjects"], page["repeated_subjects"]) == (4, 7, 2, 2)


@pytest.mark.parametrize(
    "other",
    [
        {"q": "tea2"},
        {"gl": "de"},
        {"location": "Germany"},
        {"search_type": "news"},
        {"max_page": 2},
        {"device": "mobile"},
        {"page": 2},
    ],
)
def test_search_with_another_parameter_is_another_subject(sim: Simulator, other: dict[str, object]) -> None:
    """What changes the answer makes another purchase."""
    sim.search("tea")
    sim.search(**{"q": "tea", **other})
    page = sim.page()
    assert (page["subjects"], page["repeated_subjects"]) == (2, 0)


def test_each_id_and_part_is_a_subject_of_its_own(sim: Simulator) -> None:
    """A batch's composition does not matter; the order of the parts does not either."""
    sim.youtube("videos", part="snippet,statistics", id=",".join(IDS[:2]))
    sim.youtube("videos", part="statistics,snippet", id=",".join(IDS[1:]))
    page = sim.page("youtube")
    assert (page["calls"], page["units"], page["subjects"], page["repeated_subjects"]) == (2, 2, 3, 1)
    sim.youtube("videos", part="snippet", id=IDS[0])
    sim.youtube("channels", part="snippet", id=IDS[0])
    assert sim.page("youtube")["subjects"] == 5


def test_detail_lists_what_was_bought_how_often(sim: Simulator) -> None:
    """Only when asked for."""
    sim.search("tea", gl="us", location="United States", search_type="news", max_page=2)
    for _ in range(2):
        sim.youtube("videos", part="snippet", id=IDS[0])
    assert "purchases" not in sim.page()
    ledger = sim.control("GET", "ledger?detail=subjects")
    subject = "search q=tea gl=us location=United States search_type=news max_page=2 device=desktop"
    assert ledger["scale_serp"]["purchases"] == {subject: 1}
    assert ledger["youtube"]["purchases"] == {f"videos id={IDS[0]} part=snippet": 2}


def test_peak_concurrency_is_the_most_calls_at_once(sim: Simulator) -> None:
    """Counted from arrival to departure."""
    sim.control("POST", "settings", {"latency_ms": 500})
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(lambda n: sim.search(f"word {n}").status_code == 200, range(6)))
    sim.control("POST", "settings", {"latency_ms": 0})
    sim.search()
    assert sim.page()["peak_concurrency"] == 6


def test_peak_per_second_is_over_any_second(sim: Simulator) -> None:
    """A window that slides; calls that are refused count too."""
    for number in range(7):
        sim.search(f"word {number}")
    sim.http.get("/scaleserp/search")
    assert sim.page()["peak_per_second"] == 8


def test_client_that_gives_up_while_waiting_has_bought_nothing(sim: Simulator) -> None:
    """The latency had not passed: no charge, and the call is over at once."""
    sim.control("POST", "settings", {"latency_ms": 20_000})
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{sim.url}/scaleserp/search?api_key=k&q=tea", timeout=0.2, trust_env=False)
    wait_until(lambda: sim.page()["abandoned"] == 1)
    page = sim.page()
    assert (page["calls"], page["units"], page["subjects"]) == (1, 0, 0)


def test_latency_is_kept(sim: Simulator) -> None:
    """And five times as long on the tail."""
    sim.control("POST", "settings", {"latency_ms": 100})
    begun = time.monotonic()
    sim.search()
    assert time.monotonic() - begun >= 0.1
    sim.control("POST", "settings", {"latency_tail": 1})
    begun = time.monotonic()
    sim.search()
    assert time.monotonic() - begun >= 0.5


def test_calls_over_the_rate_are_refused_in_the_provider_s_words(sim: Simulator) -> None:
    """A bucket of one second's worth; refusals cost nothing."""
    sim.control("POST", "settings", {"limits": {"scale_serp": {"requests_per_second": 0.01}}})
    assert [sim.search(f"word {n}").status_code for n in range(3)] == [200, 429, 429]
    page = sim.page()
    assert (page["over_limit"], page["units"], page["faults_injected"]) == (2, 1, 0)
    sim.control("POST", "reset")
    assert sim.search().status_code == 200


def test_rate_bucket_fills_again(sim: Simulator) -> None:
    """Over a second the limit is what gets through, after the first second's worth."""
    sim.control("POST", "settings", {"limits": {"youtube": {"requests_per_second": 5}}})
    begun = time.monotonic()
    granted = 0
    while time.monotonic() - begun < 1:
        answer = sim.youtube("videos", part="id", id=IDS[0])
        granted += answer.status_code == 200
        assert (
            answer.status_code == 200 or answer.json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"
        )
    elapsed = time.monotonic() - begun
    assert 7 <= granted <= 5 + 5 * elapsed + 1


def test_calls_over_the_concurrency_are_refused(sim: Simulator) -> None:
    """Two at once are served, the others refused."""
    limits = {"scale_serp": {"concurrency": 2}}
    sim.control("POST", "settings", {"latency_ms": 500, "limits": limits})
    with ThreadPoolExecutor(5) as pool:
        statuses = sorted(pool.map(lambda n: sim.search(f"word {n}").status_code, range(5)))
    assert statuses == [200, 200, 429, 429, 429]
    assert sim.page()["over_limit"] == 3


def test_used_up_allowance_is_told_as_the_provider_does(sim: Simulator) -> None:
    """402 with no credits left, 403 quotaExceeded; free, and a reset renews both."""
    limits = {"scale_serp": {"daily_units": 3}, "youtube": {"daily_units": 1}}
    sim.control("POST", "settings", {"limits": limits})
    info = sim.search(max_page=2).json()["request_info"]
    assert (info["credits_used"], info["credits_remaining"]) == (2, 1)
    sim.search()
    assert sim.search().status_code == 402
    account = sim.http.get("/scaleserp/account", params={"api_key": "k"}).json()["account_info"]
    assert (account["credits_used"], account["credits_remaining"]) == (3, 0)
    sim.youtube("videos", part="id", id=IDS[0])
    refused = sim.youtube("videos", part="id", id=IDS[0])
    assert refused.status_code == 403
    assert refused.json()["error"]["errors"][0]["reason"] == "quotaExceeded"
    assert sim.page("youtube")["units"] == 1
    sim.control("POST", "reset")
    assert sim.search().status_code == 200


def test_limits_of_one_provider_leave_the_others_alone(sim: Simulator) -> None:
    """A provider named is replaced whole, null clears it."""
    sim.control("POST", "settings", {"limits": {"youtube": {"concurrency": 3, "daily_units": 9}}})
    sim.control("POST", "settings", {"limits": {"scale_serp": {"concurrency": 2}}})
    settings = sim.control("POST", "settings", {"limits": {"youtube": {"daily_units": 8}}})
    in_force = {
        provider: {name: limit for name, limit in limits.items() if limit is not None}
        for provider, limits in settings["limits"].items()
    }
    assert in_force == {"scale_serp": {"concurrency": 2}, "youtube": {"daily_units": 8}}
    assert sim.control("POST", "settings", {"limits": {"youtube": None}})["limits"].keys() == {"scale_serp"}


def test_reset_empties_the_ledger_and_keeps_the_settings(sim: Simulator) -> None:
    """Credits begin again, too."""
    sim.control("POST", "settings", {"answer_bytes": 5000})
    sim.search()
    sim.control("POST", "reset")
    assert set(sim.page().values()) == {0}
    assert sim.control("GET", "settings")["answer_bytes"] == 5000
    assert sim.search().json()["request_info"]["credits_used"] == 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("settings", {"latency": 5}, "latency"),
        ("settings", {"latency_ms": "fast"}, "latency_ms"),
        ("settings", {"fault_rate": 1.5}, "fault_rate"),
        ("settings", {"limits": {"bing": {"concurrency": 1}}}, "limits.bing"),
        ("settings", {"limits": {"youtube": {"concurency": 1}}}, "concurency"),
        ("settings", {"limits": {"youtube": {"concurrency": 0}}}, "concurrency"),
        ("faults", {"provider": "youtube"}, "fault"),
        ("faults", {"provider": "bing", "fault": "drop"}, "provider"),
        ("faults", {"provider": "youtube", "fault": "soft_fail"}, "fault"),
        ("faults", {"provider": "*", "fault": "quota"}, "fault"),
        ("faults", {"provider": "youtube", "fault": "drop", "times": 0}, "times"),
        ("faults", {"provider": "youtube", "fault": "drop", "time": 1}, "time"),
        ("faults", {"provider": "youtube", "fault": "drop", "rate": 2}, "rate"),
        ("faults", {"clear": False}, "clear"),
        ("faults", [1], ""),
    ],
)
def test_wrong_control_request_is_refused_by_field(
    sim: Simulator, path: str, body: object, field: str
) -> None:
    """400 naming the field, and nothing of it takes effect."""
    before = sim.control("GET", "settings")
    answer = sim.http.post(f"/_control/{path}", json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["field"].endswith(field)
    assert field in error["message"]
    assert sim.control("GET", "settings") == before
    assert sim.control("GET", "faults") == {"faults": []}


def test_unknown_parameter_of_the_ledger_is_refused(sim: Simulator) -> None:
    """A mistyped question is not answered with something else."""
    for query, field in (("details=subjects", "details"), ("detail=all", "detail")):
        answer = sim.http.get(f"/_control/ledger?{query}")
        assert answer.status_code == 400
        assert answer.json()["error"]["field"] == field


def test_unknown_control_path_lists_what_there_is(sim: Simulator) -> None:
    """404 with the next step."""
    answer = sim.http.get("/_control/legder")
    assert answer.status_code == 404
    assert "GET /_control/ledger" in answer.json()["error"]["message"]


def test_path_of_no_provider_is_not_found_and_not_counted(sim: Simulator) -> None:
    """A wrong base URL shows at once."""
    assert sim.http.get("/scaleserpsearch").status_code == 404
    assert sim.page()["calls"] == 0


@pytest.mark.parametrize("header", ["X-Request-ID", "X-Client-Request-Id"])
def test_what_a_request_was_charged_is_kept_under_its_id(sim: Simulator, header: str) -> None:
    """So that a caller's ledger can be held against this one call by call."""
    for name in ("one", "two", "one"):
        params = {"api_key": "k" * 32, "q": name, "location": "United States"}
        httpx.get(f"{sim.url}/scaleserp/search", params=params, headers={header: name}).raise_for_status()
    sim.search("without an id")
    page = sim.control("GET", "ledger?detail=requests")["scale_serp"]
    assert page["charges"] == {"one": 2, "two": 1}
    assert page["units"] == 4
