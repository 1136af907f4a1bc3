"""Reading, freezing and expanding a start request."""

from typing import Any

import msgspec
import pytest

from shared.domain.keys import search_key
from shared.domain.phases import PHASES, NewItem
from shared.domain.pipeline import (
    PRIORITIES,
    SEARCHES,
    Merged,
    PipelineConfig,
    config_hash,
    freeze,
    parse,
    start_items,
)
from shared.domain.regions import REGIONS
from shared.domain.strict_json import PROBLEMS
from shared.errors import InputError, MalformedError

SEED = {"keywords": ["test"], "regions": ["US"]}


def frozen(**body: Any) -> PipelineConfig:
    return freeze(parse(msgspec.json.encode(SEED | body))).config


def _searches(config: PipelineConfig) -> list[NewItem]:
    return [item for item in start_items(config) if item.phase == "serp_collection"]


def pointers(body: Any) -> dict[str, str]:
    with pytest.raises(InputError) as caught:
        freeze(parse(msgspec.json.encode(body)))
    return {problem.pointer: problem.detail for problem in caught.value.problems}


def test_two_fields_are_a_complete_start() -> None:
    """The seed's own body is enough; everything else has a default."""
    config = frozen()
    assert config.content_types == ("organic", "news", "video")
    assert config.phases == tuple(PHASES)
    assert (config.device, config.priority, config.curve) == ("desktop", "normal", "sistrix-2020")
    assert msgspec.structs.asdict(config.pages) == {"organic": 2, "news": 1, "video": 1}


def test_all_problems_are_told_at_once_with_their_places() -> None:
    """Every wrong field has a JSON pointer, whether its shape or its meaning is wrong."""
    body = {
        "keywords": ["fine", "", " \t", 7, {"keyword": "x", "brand": "yes"}, "nul\0"],
        "regions": ["XX", "us", None],
        "content_types": ["images"],
        "device": "phone",
        "language": "english!",
        "company": {"name": " ", "domains": ["localhost", "10.0.0.1"]},
        "competitors": [{"name": "B", "domains": []}],
        "config": {
            "priority": 5,
            "serp": {"pages": {"organic": 6, "news": 0, "video": 1.5}},
            "curve": "mine",
            "freshness": {"serp": -1, "nobody": 5},
            "phases": ["dsi"],
        },
    }
    assert set(pointers(body)) == {
        "/keywords/1",
        "/keywords/2",
        "/keywords/3",
        "/keywords/4/brand",
        "/keywords/5",
        "/regions/0",
        "/regions/2",
        "/content_types/0",
        "/device",
        "/language",
        "/company/name",
        "/company/domains/0",
        "/company/domains/1",
        "/competitors/0/domains",
        "/config/priority",
        "/config/serp/pages/organic",
        "/config/serp/pages/news",
        "/config/serp/pages/video",
        "/config/curve",
        "/config/freshness/serp",
        "/config/freshness/nobody",
        "/config/phases/0",
    }


@pytest.mark.parametrize(
    ("body", "pointer", "hint"),
    [
        ({"keyword": ["a"], "regions": ["US"]}, "/keyword", '"keywords"'),
        (SEED | {"config": {"freshnes": {}}}, "/config/freshnes", '"freshness"'),
        (SEED | {"content_types": ["organics"]}, "/content_types/0", '"organic"'),
        ({"keywords": ["a"], "regions": ["Germany"]}, "/regions/0", "DE"),
        (SEED | {"enable_webhooks": True}, "/enable_webhooks", "known: keywords"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_right_one(body: Any, pointer: str, hint: str) -> None:
    """Unknown fields, which include those that do nothing yet, are refused with a hint."""
    assert hint in pointers(body)[pointer]


@pytest.mark.parametrize("body", [{}, {"keywords": [], "regions": []}, {"keywords": None, "regions": "US"}])
def test_keywords_and_regions_are_required(body: Any) -> None:
    """Neither may be missing, empty, or no list."""
    assert set(pointers(body)) == {"/keywords", "/regions"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"keywords": ["a"]', b"\xff", b'["\xed\xa0\x80"]', b"[" * 100_000]
)
def test_what_is_no_json_is_told_apart(body: bytes) -> None:
    """A body that cannot be read at all is malformed, whatever breaks it."""
    with pytest.raises(MalformedError):
        parse(body)


def test_a_wrong_top_level_is_an_input_error() -> None:
    """JSON of the wrong shape is not malformed."""
    assert pointers([1]) == {"": "must be an object, not a list"}


def test_a_flood_of_problems_is_cut() -> None:
    """A million wrong keywords do not make a million problems."""
    with pytest.raises(InputError) as caught:
        parse(msgspec.json.encode({"keywords": [""] * 10_000, "regions": ["US"]}))
    assert len(caught.value.problems) == PROBLEMS + 1
    assert str(PROBLEMS) in caught.value.problems[-1].detail


def test_long_wrong_values_are_not_repeated_whole() -> None:
    """What is wrong is quoted, but no answer grows with it."""
    body = {"keywords": ["k" * 100_000, "\0" * 100_000], "regions": ["R" * 100_000], "x" * 100_000: 1}
    problems = pointers(body)
    assert set(problems) == {"/keywords/0", "/keywords/1", "/regions/0", "/" + "x" * 60}
    assert max(len(detail) for detail in problems.values()) <= 300


def test_keywords_that_are_one_search_are_merged_and_reported() -> None:
    """Case, blanks and compatibility forms do not make another keyword; the first spelling stays."""
    body = SEED | {"keywords": ["Straße  A", {"keyword": "STRASSE a", "group": "g"}, "other", "\uff4fther"]}
    result = freeze(parse(msgspec.json.encode(body)))
    assert [keyword.keyword for keyword in result.config.keywords] == ["Straße A", "other"]
    assert result.merged == [Merged("STRASSE a", "Straße A"), Merged("\uff4fther", "other")]


def test_regions_and_types_are_canonical_and_given_once() -> None:
    """UK is GB; what was given twice is done once, and said."""
    body = SEED | {"regions": ["uk", "US", "GB"], "content_types": ["video", "video"]}
    result = freeze(parse(msgspec.json.encode(body)))
    assert (result.config.regions, result.config.content_types) == (("GB", "US"), ("video",))
    assert [warning.split(":")[0] for warning in result.warnings] == ["/regions", "/content_types"]


def test_companies_own_registrable_domains() -> None:
    """Whatever page or host was given, the domain somebody registered counts, once."""
    company = {
        "name": " Acme  Inc ",
        "domains": ["https://WWW.acme.com/about", "shop.acme.com", "acme.co.uk"],
    }
    config = frozen(company=company, competitors=[{"name": "B", "domains": ["b.com"]}])
    assert config.company
    assert (config.company.name, config.company.domains) == ("Acme Inc", ("acme.com", "acme.co.uk"))


def test_a_domain_belongs_to_one_company() -> None:
    """Two owners of one domain would share its clicks twice."""
    companies = [{"name": "A", "domains": ["a.com"]}, {"name": "a", "domains": ["b.com", "www.a.com"]}]
    assert set(pointers(SEED | {"competitors": companies})) == {
        "/competitors/1/name",
        "/competitors/1/domains/1",
    }


def test_mandatory_phases_are_always_in() -> None:
    """A pipeline without searches would find nothing; leaving optional phases out is allowed."""
    result = freeze(parse(msgspec.json.encode(SEED | {"config": {"phases": ["video_enrichment"]}})))
    assert result.config.phases == ("serp_collection", "video_enrichment")
    assert "serp_collection" in result.warnings[0]
    assert frozen(config={"phases": []}).phases == ("serp_collection",)


def test_one_pipeline_has_a_bounded_number_of_searches() -> None:
    """One search above the bound is refused, the bound itself is not."""
    wide = {"regions": sorted(REGIONS)[:200], "content_types": ["news", "video"]}
    keywords = [f"k{n}" for n in range(SEARCHES // 400 + 1)]
    assert frozen(**wide, keywords=keywords[:-1]).searches == SEARCHES
    assert "1,000,000" in pointers(wide | {"keywords": keywords})[""]


def test_searches_ask_in_the_words_of_the_region() -> None:
    """Every keyword, region and type gives one item with all the provider needs."""
    config = frozen(
        keywords=["Digital  Payments"], regions=["GB", "SA"], config={"serp": {"pages": {"organic": 3}}}
    )
    items = _searches(config)
    assert len(items) == config.searches == 6
    assert {item.key for item in items} == {
        search_key("digital payments", region, type_)
        for region in ("GB", "SA")
        for type_ in config.content_types
    }
    assert items[0].input == {
        "q": "digital payments",
        "region": "GB",
        "type": "organic",
        "location": "United Kingdom",
        "gl": "gb",
        "hl": "en",
        "google_domain": "google.co.uk",
        "pages": 3,
        "device": "desktop",
    }


def test_language_overrides_the_regions_own() -> None:
    """`language` is what the results page is asked in, everywhere."""
    items = _searches(frozen(regions=["DE", "SA"], language="fr"))
    assert {item.input["hl"] for item in items} == {"fr"}


def test_the_query_is_not_misspelt_by_folding() -> None:
    """The key folds case; the query only drops it, as search engines do."""
    item = _searches(frozen(keywords=["Straße ΛΌΓΟΣ"]))[0]
    assert item.input["q"] == "straße λόγος"
    assert item.key.startswith('["strasse λόγοσ"')


def test_a_configuration_survives_its_column() -> None:
    """What was frozen is what is read back, and its hash tells every change."""
    config = frozen(
        keywords=[{"keyword": "a", "group": "g", "brand": True}],
        company={"name": "A", "domains": ["a.com"]},
        config={"freshness": {"media": 5, "serp": 0}, "priority": "high"},
    )
    assert msgspec.json.decode(msgspec.json.encode(config), type=PipelineConfig) == config
    swapped = msgspec.structs.replace(config, freshness=dict(reversed(config.freshness.items())))
    assert config_hash(swapped) == config_hash(config)
    assert config_hash(msgspec.structs.replace(config, device="mobile")) != config_hash(config)


def test_priorities_are_ordered() -> None:
    """The four names stand for the four numbers of the record."""
    assert PRIORITIES == {"critical": 1000, "high": 100, "normal": 0, "low": -100}


def test_a_phase_whose_service_does_not_run_is_off_and_said() -> None:
    """Without a key for YouTube the pipeline goes without videos instead of waiting for ever."""
    frozen = freeze(parse(b'{"keywords": ["a"], "regions": ["US"]}'), services=("serp",))

    assert frozen.config.phases == ("serp_collection", "dsi_calculation")
    assert any("media" in warning for warning in frozen.warnings)


def test_a_start_is_refused_where_the_mandatory_service_does_not_run() -> None:
    """Nothing works without searches."""
    with pytest.raises(InputError) as refused:
        freeze(parse(b'{"keywords": ["a"], "regions": ["US"]}'), services=("media",))

    assert refused.value.problems[0].pointer == "/config/phases"


def test_volumes_are_asked_for_by_region() -> None:
    """One item per keyword and region; those of a region may share a call, in the planner's own ids."""
    config = frozen(keywords=["Straße", "shoes"], regions=["DE", "US"])
    items = [item for item in start_items(config) if item.phase == "keyword_metrics"]
    assert [(item.key, item.batch_key) for item in items] == [
        ('["strasse","DE"]', "DE"),
        ('["shoes","DE"]', "DE"),
        ('["strasse","US"]', "US"),
        ('["shoes","US"]', "US"),
    ]
    assert items[0].input == {"keyword": "straße", "geo_target": 2276, "language": 1001}
    asked = frozen(regions=["DE"], language="pt-BR")
    assert next(start_items(asked)).input["language"] == 1014


def test_every_landscape_has_figures_of_its_own() -> None:
    """The whole and each named part, whose keywords are found again however they are written."""
    config = frozen(
        keywords=["Digital Payments", "x"],
        landscapes=[{"name": " EU  cards ", "keywords": ["digital  PAYMENTS"]}],
    )
    items = [item for item in start_items(config) if item.phase == "dsi_calculation"]
    assert [(item.key, item.input) for item in items] == [
        ("[]", {"landscape": ""}),
        ('["EU cards"]', {"landscape": "EU cards"}),
    ]
    assert config.landscapes[0].keywords == ("Digital Payments",)


def test_a_landscape_is_made_of_the_pipelines_own_keywords() -> None:
    """A keyword that is not searched has no figures; two landscapes of one name could not be told apart."""
    landscapes = [{"name": "A", "keywords": ["test", "other"]}, {"name": "a", "keywords": ["test"]}]
    assert set(pointers(SEED | {"landscapes": landscapes[:1]})) == {"/landscapes/0/keywords/1"}
    assert set(pointers(SEED | {"landscapes": landscapes})) == {"/landscapes/1/name"}


def test_what_pages_are_read_for_is_frozen_with_its_defaults() -> None:
    """The model is the request's, else the installation's; purchases have the usual stages unless told."""
    request = parse(
        msgspec.json.encode(SEED | {"personas": [{"name": "CFO"}], "exclude_domains": ["www.a.com/x"]})
    )
    config = freeze(request, model="gpt-6-sol").config
    assert (config.model, config.exclude_domains) == ("gpt-6-sol", ("a.com",))
    assert len(config.journey_phases) == 5
    assert frozen(config={"model": "gpt-4o"}).model == "gpt-4o"
    assert set(pointers(SEED | {"config": {"model": "a model"}, "personas": [{"name": ""}]})) == {
        "/config/model",
        "/personas/0/name",
    }
