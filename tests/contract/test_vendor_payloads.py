"""The bodies that provider tests read are such as the vendors publish."""

import json

import pytest
from openai.types.chat import ChatCompletion
from openai.types.shared import ErrorObject

from tests.contract.vendors import discovery, google_ads, google_rpc, openai_models
from tests.contract.vendors.documented import documented
from tests.services.till import payload

#: Vendor -> body -> what it is in the vendor's tables. Those of Scale SERP are shortened, but for these.
DOCUMENTED = {
    "scale_serp": {"incident": "incident", "organic_two_pages": "search", "soft_fail": "refusal"},
    "cognism": {
        "enrichment": "enrich", "error_credentials": "errors", "error_entitlement": "errors", "error_rate": "limited",
        "error_request": "errors", "error_route": "errors", "no_results": "search", "records": "redeem",
        "records_published": "redeem as in samples", "search": "search",
    },
    "scrapingbee": {
        "article": "json_response", "captcha": "json_response", "consent": "json_response", "empty": "json_response",
        "error_key": "message", "error_quota": "message", "error_request": "errors", "error_site": "reason",
        "json": "json_response", "missing": "json_response", "pdf": "json_response", "shell": "json_response",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "name", "kind"),
    [(vendor, name, kind) for vendor, names in DOCUMENTED.items() for name, kind in names.items()],
)
def test_body_is_as_documented(vendor: str, name: str, kind: str) -> None:
    """Field by field."""
    assert documented(vendor).misfits(json.loads(payload(vendor, name)), kind) == []


@pytest.mark.parametrize("name", ["completion", "content_filter", "refusal", "truncated"])
def test_completion_is_of_the_published_type(name: str) -> None:
    """OpenAI's."""
    openai_models.answer(payload("openai", name), ChatCompletion)


@pytest.mark.parametrize("name", ["error_context", "error_quota", "error_rate"])
def test_error_is_of_the_published_type(name: str) -> None:
    """OpenAI's, inside its envelope."""
    (error,) = json.loads(payload("openai", name)).values()

    openai_models.answer(json.dumps(error).encode(), ErrorObject)


@pytest.mark.parametrize(
    ("name", "schema"), [("videos", "VideoListResponse"), ("channels", "ChannelListResponse"), ("no_items", "ChannelListResponse")]
)  # fmt: skip
def test_resources_are_the_published_ones(name: str, schema: str) -> None:
    """YouTube's."""
    assert discovery.misfits(json.loads(payload("youtube", name)), schema) == []


@pytest.mark.parametrize("name", ["metrics", "no_results"])
@pytest.mark.parametrize("version", google_ads.VERSIONS)
def test_metrics_are_the_published_message(name: str, version: str) -> None:
    """Google Ads', in every version that is alive."""
    google_rpc.parse(payload("google_ads", name), google_ads.response(version))


@pytest.mark.parametrize(
    ("vendor", "name"),
    [
        *(("google_ads", f"error_{name}") for name in ("body", "daily", "keywords", "rate", "several")),
        ("youtube", "error_key"),
        ("youtube", "error_quota"),
    ],
)
def test_error_has_published_details(vendor: str, name: str) -> None:
    """Google's: the status by its name, reasons, and messages that are what their type says."""
    google_ads.load_errors()
    error = json.loads(payload(vendor, name))["error"]

    assert error["code"] == google_rpc.HTTP_STATUS.get(error.get("status"), error["code"])
    for detail in error.get("details", []):
        assert google_rpc.detail(detail) == detail
        assert detail.get("reason") in (None, *google_rpc.REASONS)
