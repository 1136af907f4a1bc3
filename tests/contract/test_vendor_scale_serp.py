"""Scale SERP: the simulator's answers and our client's requests against the vendor's documentation."""

from itertools import product
from typing import Any

import httpx
import pytest

from shared.domain.regions import REGIONS
from shared.domain.start import Config, Device, Pages, Serp, StartRequest
from tests.contract.vendors import client_requests, parameters
from tests.contract.vendors.documented import documented
from tests.contract.vendors.simulated import Simulator, errors, process, sim

__all__ = ["process", "sim"]

VENDOR = documented("scale_serp")
DEVICES: tuple[Device, ...] = ("desktop", "tablet", "mobile")
#: Fault of the simulator -> what the vendor documents.
FAULTS = {
    "soft_fail": "not fulfilled",
    "bad_request": "invalid parameter",
    "auth": "invalid key",
    "credits": "no credits",
    "rate_limit": "too fast",
    "server_error": "internal error",
    "incident": "incident",
}


@pytest.mark.parametrize("kind", VENDOR["results"])
@pytest.mark.parametrize("pages", [None, 1, 5])
def test_search_has_the_documented_shape(sim: Simulator, kind: str, pages: int | None) -> None:
    """Every field documented and of its type, over enough searches to see every block; one list, that of the kind."""
    further: dict[str, Any] = {} if pages is None else {"max_page": pages}
    further |= {} if kind == "web" else {"search_type": kind}
    seen: set[str] = set()
    for number in range(60):
        body = sim.search(f"shoes {number}", location="Germany", include_ai_overview="true", **further).json()
        assert VENDOR.misfits(body, "search") == []
        seen |= body.keys()

    assert seen & set(VENDOR["results"].values()) == {VENDOR["results"][kind]}
    if kind == "web":
        assert seen >= {
            "related_searches",
            "related_questions",
            "answer_box",
            "knowledge_graph",
            "ads",
            "ai_overview",
        }


def test_overall_positions_come_with_several_pages(sim: Simulator) -> None:
    """`position` counts within a page; the others are there when max_page is used."""
    plain, paged = sim.search("shoes").json(), sim.search("shoes", max_page=2).json()

    assert not any({"page", "position_overall"} & result.keys() for result in plain["organic_results"])
    assert all({"page", "position_overall"} <= result.keys() for result in paged["organic_results"])
    assert paged["request_info"]["credits_used_this_request"] == 2


def test_links_of_the_metadata_hold_the_key(sim: Simulator) -> None:
    """As the real ones do: that is why they must not be kept."""
    metadata = sim.search("shoes").json()["search_metadata"]

    assert all("api_key=secret" in metadata[name] for name in ("html_url", "json_url"))


@pytest.mark.parametrize("fault", errors("scale_serp"))
def test_fault_is_the_documented_refusal(sim: Simulator, fault: str) -> None:
    """Status and envelope; a moment to wait until is a whole number of seconds."""
    sim.fault("scale_serp", fault)
    answer = sim.search()

    assert VENDOR.mismatch(answer, FAULTS[fault]) == []
    assert answer.headers.get("Retry-After", "0").isdigit()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("q", ""),
        ("device", "phone"),
        ("search_type", "maps"),
        ("max_page", "6"),
        ("page", "x"),
        ("output", "xml"),
    ],
)
def test_undocumented_value_is_refused(sim: Simulator, parameter: str, value: str) -> None:
    """What the table does not allow the simulator does not either."""
    assert parameters.misfits({"q": "shoes", "api_key": "x", parameter: value}, VENDOR["parameters"])
    assert VENDOR.mismatch(sim.search(**{"q": "shoes", parameter: value}), "invalid parameter") == []


def test_key_and_path_are_refused_as_documented(sim: Simulator) -> None:
    """Before anything else."""
    refused = sim.http.get("/scaleserp/search", params={"q": "shoes", "api_key": "invalid"})

    assert VENDOR.mismatch(refused, "invalid key") == []
    assert VENDOR.mismatch(sim.http.get("/scaleserp/nowhere", params={"api_key": "x"}), "wrong path") == []


def test_account_has_the_documented_shape(sim: Simulator) -> None:
    """What the plan has left."""
    assert VENDOR.misfits(sim.http.get("/scaleserp/account", params={"api_key": "x"}).json(), "account") == []


@pytest.fixture(scope="module")
def requests(process: Simulator) -> list[httpx.Request]:
    """What our client asks: in every region; and for every kind of result, on every device, with few and many pages."""
    process.fresh()
    plain = StartRequest(
        keywords=("running shoes & 'socks'",), regions=tuple(REGIONS), content_types=("news",)
    )
    sent = client_requests.kept(process, "serp", plain, at_most=len(REGIONS))
    for device, pages in product(DEVICES, (1, 5)):
        config = Config(serp=Serp(Pages(pages, pages, pages)))
        start = StartRequest(
            keywords=("跑步鞋",), regions=("GB", "CN"), device=device, language="zh-CN", config=config
        )
        sent += client_requests.kept(process, "serp", start)
    return sent


def test_client_sends_documented_parameters(requests: list[httpx.Request]) -> None:
    """One GET per search with nothing but what the table has, within its limits, and the key as it asks for it."""
    assert len(requests) > len(REGIONS)
    for request in requests:
        sent = request.url.params.multi_items()
        assert (request.method, request.url.host, request.url.path) == ("GET", "api.scaleserp.com", "/search")
        assert len(dict(sent)) == len(sent)
        assert parameters.misfits(dict(sent), VENDOR["parameters"]) == []


def test_client_asks_for_every_kind(requests: list[httpx.Request]) -> None:
    """Web results are what comes when no kind is named."""
    kinds = {request.url.params.get("search_type", "web") for request in requests}

    assert kinds == VENDOR["results"].keys()
