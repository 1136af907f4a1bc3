"""OpenAI: what our client sends against the published type of a request and the rules of strict schemas."""

import json
from typing import Any

import httpx
import openai
import pytest

from services.llm.provider import PROVIDER
from shared.domain.start import Company, Dimension, Persona, StartRequest
from tests.contract.vendors import client_requests, openai_models, strict_schema
from tests.contract.vendors.simulated import Simulator, process, sim

__all__ = ["process", "sim"]

#: The least and the most that a pipeline asks of a page.
BRIEFS = {
    "plain": StartRequest(keywords=("running shoes",), regions=("US",), content_types=("organic",)),
    "full": StartRequest(
        keywords=("running shoes", "trail running"),
        regions=("US", "DE"),
        content_types=("organic", "news"),
        company=Company("Run & Co", ("run.example",)),
        competitors=tuple(Company(f"Rival {n}", (f"rival-{n}.example",)) for n in range(50)),
        personas=tuple(Persona(f'Persona "{n}" (äöü)', "Runs.\n" * 100) for n in range(50)),
        dimensions=tuple(Dimension(f"dimension {n}", "focus " * 50, ("signal",) * 5) for n in range(50)),
        journey_phases=tuple(f"Stage {n}" for n in range(50)),
    ),
}


@pytest.fixture(scope="module", params=BRIEFS)
def bodies(request: pytest.FixtureRequest, process: Simulator) -> list[dict[str, Any]]:
    """The bodies that our client sends for some pages."""
    process.fresh()
    sent = client_requests.kept(process, "llm", BRIEFS[request.param], at_most=10)
    assert_published_call(sent)
    return [json.loads(one.content) for one in sent]


def assert_published_call(requests: list[httpx.Request]) -> None:
    """The path, a bearer key and JSON."""
    assert requests
    for request in requests:
        assert (request.method, str(request.url)) == ("POST", "https://api.openai.com/v1/chat/completions")
        assert request.headers["Authorization"].startswith("Bearer ")
        assert request.headers["Content-Type"] == "application/json"


def test_body_is_of_the_published_type(bodies: list[dict[str, Any]]) -> None:
    """Nothing that the type refuses, nothing that it does not know."""
    for body in bodies:
        assert openai_models.request(body) == body


def test_model_gets_no_more_than_every_model_takes(bodies: list[dict[str, Any]]) -> None:
    """Models that reason refuse a temperature and the old limit: what is not needed is not sent."""
    for body in bodies:
        assert body.keys() == {"model", "messages", "response_format", "max_completion_tokens"}


def test_schema_is_in_the_strict_subset(bodies: list[dict[str, Any]]) -> None:
    """Also with as many questions as a pipeline may ask, and whatever people call their personas."""
    for body in bodies:
        form = body["response_format"]["json_schema"]
        assert strict_schema.NAME.fullmatch(form["name"])
        assert form["strict"] is True
        assert strict_schema.misfits(form["schema"]) == []


def test_client_uses_the_published_address_and_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the official client has by itself."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with openai.OpenAI(
        api_key="k",
        organization="o",
        project="p",
        http_client=openai.DefaultHttpxClient(trust_env=False),
    ) as official:
        assert str(official.base_url) == f"{PROVIDER.base_url}/"
        assert official.default_headers.keys() >= PROVIDER.headers.keys()
