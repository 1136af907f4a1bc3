"""The simulated Cognism: which companies it knows, previews and records, pages, limits and refusals."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from services.simulator import sites
from shared.domain.keys import registrable_domain
from tests.services.test_simulator_process import Simulator

KNOWN = ["northwind.com", "contoso.com", "fabrikam.com", "globex.com", "initech.io", "umbrella.co.uk"]
"""The companies of every world."""
PLATFORMS = {"wikipedia.org", "linkedin.com", "reddit.com", "youtube.com", "medium.com", "amazon.com"}
KEY = {"Authorization": "Bearer secret"}


@pytest.fixture(scope="module")
def shown(process: Simulator) -> dict[str, str]:
    """Sites of 40 searches: what stands after the bar in the titles of their pages, by registered domain."""
    process.fresh()
    found = {}
    for number in range(40):
        for result in process.search(f"word {number}", max_page=3).json().get("organic_results", []):
            if " | " in result["title"]:
                found[registrable_domain(result["link"])] = result["title"].rpartition(" | ")[2]
    return found


@pytest.fixture(scope="module")
def records(process: Simulator, shown: dict[str, str]) -> list[dict[str, Any]]:
    """The records of all of them that Cognism knows."""
    process.fresh()
    ids = [found["id"] for found in find(process, list(shown))]
    return _redeem_all(process, ids)


def post(sim: Simulator, path: str, body: object, **query: str) -> httpx.Response:
    """One call of an account endpoint."""
    return sim.http.post(f"/cognism/api/search/account/{path}", json=body, params=query, headers=KEY)


def search(sim: Simulator, domains: Sequence[str], **query: str) -> httpx.Response:
    """One search for exactly these domains."""
    body = {"domains": list(domains), "accountSearchOptions": {"match_exact_domain": True}}
    return post(sim, "search", body, **query)


def find(sim: Simulator, domains: Sequence[str]) -> list[dict[str, Any]]:
    """The previews of the domains, asked for 20 at a time."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(domains), 20):
        found += search(sim, domains[start : start + 20]).json()["results"]
    return found


def _redeem_all(sim: Simulator, ids: Sequence[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), 20):
        found += post(sim, "redeem", {"redeemIds": ids[start : start + 20]}).json()["results"]
    return found


def test_about_seventy_of_a_hundred_domains_are_known(
    shown: dict[str, str], records: list[dict[str, Any]]
) -> None:
    """Of those that searches show; never a platform."""
    assert len(shown) > 200
    asked = set(shown) - PLATFORMS
    found = {record["domain"] for record in records}
    assert found <= asked
    assert 0.55 < len(found) / len(asked) < 0.85


def test_companies_have_the_names_of_the_world(shown: dict[str, str], records: list[dict[str, Any]]) -> None:
    """As the titles of their pages have them, so that reports agree."""
    assert {record["domain"]: record["name"] for record in records} == {
        record["domain"]: shown[record["domain"]] for record in records
    }


def test_companies_of_every_world_are_known(sim: Simulator) -> None:
    """Whatever the seed."""
    for seed in (1, 2, 3):
        sim.control("POST", "settings", {"seed": seed})
        answer = search(sim, [*KNOWN, "example.com", "wikipedia.org", "co.uk", "nonsense"]).json()
        assert (answer["totalResults"], len(answer["results"])) == (len(KNOWN), len(KNOWN))
        names = {found["name"] for found in answer["results"]}
        assert names == {"Northwind", "Contoso", "Fabrikam", "Globex", "Initech", "Umbrella"}


@pytest.mark.parametrize("seed", range(3))
def test_registered_domain_of_every_site_is_understood(seed: int) -> None:
    """The simulator has its own way to it, which must lead to what the public suffix list says."""
    hosts = [site.host for site in (*sites.build(seed), *(sites.tail(seed, n) for n in range(300)))]
    assert [sites.domain(host) for host in hosts] == [registrable_domain(host) for host in hosts]


def test_preview_tells_what_there_is_and_no_value(sim: Simulator) -> None:
    """`has…` flags beside id and name; the id is what is redeemed."""
    (preview,) = search(sim, ["globex.com"]).json()["results"]
    assert preview["redeemId"] == preview["id"]
    assert preview["hasDomain"] is True
    flags = {name: value for name, value in preview.items() if name.startswith("has")}
    assert all(isinstance(value, bool) for value in flags.values())
    assert set(preview) - set(flags) == {"id", "redeemId", "name"}


def test_record_has_the_documented_fields(records: list[dict[str, Any]]) -> None:
    """Types as documented; every one but id and name may be absent, and is never null."""
    types = {
        "id": str, "name": str, "domain": str, "website": str, "industries": list, "description": str,
        "shortDescription": str, "founded": int, "linkedinUrl": str, "revenue": int, "sizeFrom": int,
        "sizeTo": int, "headcount": int, "type": str, "sic": list, "naics": list, "technologies": list,
        "locations": list, "officePhoneNumbers": list, "hqPhoneNumbers": list,
    }  # fmt: skip
    for record in records:
        assert {name: types[name] for name in record} == {name: type(value) for name, value in record.items()}
        assert record["domain"].isascii()
    for name in types.keys() - {"id", "name", "domain", "website", "industries"}:
        assert 0.5 < sum(name in record for record in records) / len(records) < 1
    place = next(record["locations"] for record in records if "locations" in record)[0]
    assert place["type"] == "hq"
    assert set(place) == {"type", "country", "state", "city", "zip", "street"}
    phone = next(record["officePhoneNumbers"] for record in records if "officePhoneNumbers" in record)[0]
    assert set(phone) == {"number", "score", "dnc", "label"}


def test_field_outside_the_entitlement_is_silently_absent(sim: Simulator) -> None:
    """A preview tells of it, the entitlement says no, the record is without it."""
    answer = sim.http.get("/cognism/api/search/entitlement/accountEntitlementSubscription", headers=KEY)
    entitlement = answer.json()["account Entitlement"]
    refused = {name for name, bought in entitlement.items() if not bought}
    assert refused
    previews = find(sim, KNOWN)
    records = _redeem_all(sim, [preview["id"] for preview in previews])
    for name in refused:
        assert any(preview[f"has{name[0].upper()}{name[1:]}"] for preview in previews)
    for record in records:
        assert set(record) - {"id", "name"} <= set(entitlement) - refused
    assert sim.page("cognism")["units"] == 20


def test_record_is_the_same_each_time_and_another_in_another_world(sim: Simulator) -> None:
    """A function of seed and company; ids of another world are not known."""
    ids = [found["id"] for found in find(sim, KNOWN)]
    first = _redeem_all(sim, ids)
    assert _redeem_all(sim, ids[::-1]) == first
    sim.control("POST", "settings", {"seed": 2})
    assert _redeem_all(sim, ids) == []
    assert _redeem_all(sim, [found["id"] for found in find(sim, KNOWN)]) != first


def test_ids_never_given_out_are_left_out(sim: Simulator) -> None:
    """The rest is returned, in an order of its own; each id once."""
    ids = sorted((found["id"] for found in find(sim, KNOWN)), reverse=True)
    answer = post(sim, "redeem", {"redeemIds": [*ids, "nobody", "00" * 12, ids[0]]}).json()
    assert answer["totalResults"] == len(ids)
    assert [record["id"] for record in answer["results"]] == ids[::-1]


def test_phone_numbers_are_merged_on_request(sim: Simulator, records: list[dict[str, Any]]) -> None:
    """Those of the headquarters stand among those of the offices."""
    apart = next(record for record in records if {"hqPhoneNumbers", "officePhoneNumbers"} <= set(record))
    answer = post(sim, "redeem", {"redeemIds": [apart["id"]]}, mergePhonesAndLocations="true")
    (merged,) = answer.json()["results"]
    assert "hqPhoneNumbers" not in merged
    assert merged["officePhoneNumbers"] == apart["hqPhoneNumbers"] + apart["officePhoneNumbers"]


def test_exact_domain_is_not_a_part_of_one(sim: Simulator) -> None:
    """Without the option a part is enough; a subdomain never is."""
    exact = {"match_exact_domain": True}
    cases: list[tuple[str, dict[str, bool], int]] = [
        ("northwind.com", exact, 1),
        ("NORTHWIND.com.", exact, 1),
        ("northwin", exact, 0),
        ("northwin", {}, 1),
        ("www.northwind.com", exact, 0),
    ]
    for domain, options, expected in cases:
        answer = post(sim, "search", {"domains": [domain], "accountSearchOptions": options})
        assert answer.json()["totalResults"] == expected, domain


def test_names_and_websites_narrow_a_search(sim: Simulator) -> None:
    """Any term of a list, all lists together."""
    exact = {"match_exact_account_name": True}
    websites = ["https://www.northwind.com/about", "http://blog.globex.com"]
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"websites": websites}, {"Northwind", "Globex"}),
        ({"names": ["globex", "initech"], "accountSearchOptions": exact}, {"Globex", "Initech"}),
        ({"names": ["northwin"]}, {"Northwind"}),
        ({"names": ["northwin"], "accountSearchOptions": exact}, set()),
        ({"websites": websites, "names": ["globex"]}, {"Globex"}),
        ({"domains": ["initech.io"], "names": ["globex"]}, set()),
    ]
    for body, expected in cases:
        assert {found["name"] for found in post(sim, "search", body).json()["results"]} == expected


def test_unknown_value_of_a_filter_finds_nothing(sim: Simulator) -> None:
    """200 and an empty page: it looks like no match."""
    body = {"domains": KNOWN, "accountSearchOptions": {"filter_domain": "exist"}}
    answer = post(sim, "search", body)
    assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_pages_follow_the_last_key(sim: Simulator) -> None:
    """Every company once; the last page is shorter, the one after it empty with the same key."""
    body = {"domains": ["com"]}
    seen: list[str] = []
    after, sizes = "", list[int]()
    while not sizes or sizes[-1]:
        answer = post(
            sim, "search", body, indexSize="50", **({"lastReturnedKey": after} if after else {})
        ).json()
        sizes.append(len(answer["results"]))
        seen += [found["id"] for found in answer["results"]]
        assert answer["totalResults"] > 50
        key = answer["lastReturnedKey"]
        assert key == (answer["results"][-1]["id"] if answer["results"] else after)
        after = key
    assert sizes[0] == 50
    assert sizes[-2] < 50
    assert len(seen) == len(set(seen)) == answer["totalResults"]


def test_search_takes_the_size_of_its_page_from_the_allowance(sim: Simulator) -> None:
    """20 previews unless more are asked for, an enrichment one, a redemption none."""
    (found,) = search(sim, ["globex.com"]).json()["results"]
    assert sim.page("cognism")["units"] == 20
    search(sim, ["globex.com"], indexSize="100")
    assert sim.page("cognism")["units"] == 120
    post(sim, "enrich", {"domain": "globex.com"})
    post(sim, "redeem", {"redeemIds": [found["id"]]})
    assert sim.page("cognism")["units"] == 121


def test_subjects_are_domains_searched_and_companies_redeemed(sim: Simulator) -> None:
    """A domain nobody knows was searched all the same."""
    (found,) = search(sim, ["globex.com", "nobody.example"]).json()["results"]
    post(sim, "redeem", {"redeemIds": [found["id"]]})
    post(sim, "redeem", {"redeemIds": [found["id"]]})
    assert sim.control("GET", "ledger?detail=subjects")["cognism"]["purchases"] == {
        "search domain=globex.com": 1,
        "search domain=nobody.example": 1,
        f"redeem id={found['id']}": 2,
    }


@pytest.mark.parametrize(
    ("body", "score"),
    [
        ({"domain": "globex.com"}, 80),
        ({"website": "https://www.globex.com/en"}, 70),
        ({"linkedinUrl": "https://www.linkedin.com/company/globex/"}, 90),
        ({"name": "Globex", "country": "United States"}, 45),
        ({"name": "Globex", "minMatchScore": 50}, 0),
        ({"domain": "nobody.example"}, 0),
        ({"domain": "wikipedia.org"}, 0),
    ],
)
def test_enrichment_finds_one_company_by_its_score(sim: Simulator, body: dict[str, Any], score: int) -> None:
    """Nothing below the least score; the preview, no values."""
    answer = post(sim, "enrich", body).json()
    assert answer["matchScore"] == score
    assert [found["name"] for found in answer["results"]] == (["Globex"] if score else [])


def test_a_thousand_domains_are_allowed(sim: Simulator) -> None:
    """The most one search may name."""
    answer = search(sim, [*KNOWN, *(f"nobody{n}.example" for n in range(994))])
    assert answer.json()["totalResults"] == len(KNOWN)
