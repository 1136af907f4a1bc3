"""OpenAI: the simulator's answers against the published types and the official client; what our client sends."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import httpx
import openai
import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion
from openai.types.shared import ErrorObject
from pydantic import BaseModel

from tests.contract.vendors import openai_models
from tests.contract.vendors.simulated import Simulator, errors, process, sim, variants

__all__ = ["process", "sim"]

#: Errors of the network's edge have no envelope.
EDGE = ("bad_gateway",)
#: What the client library makes of a status.
CLASSES: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
}


class Verdict(BaseModel):
    """A structured answer, as the client library turns it into a strict schema."""

    summary: str
    stance: Literal["for", "against", "neither"]
    score: int
    quotes: list[str]
    rival: str | None


SCHEMA = {
    "type": "object",
    "properties": {"summary": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["summary", "score"],
    "additionalProperties": False,
}
ASKED: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "developer", "content": "Answer in JSON."},
        {"role": "user", "content": "Running shoes"},
    ],
}
FORMS: dict[str, dict[str, Any]] = {
    "text": {},
    "json_object": {"response_format": {"type": "json_object"}},
    "json_schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "page", "strict": True, "schema": SCHEMA},
        }
    },
    "short": {"max_completion_tokens": 3},
    "reasoning": {"model": "gpt-5", "reasoning_effort": "low"},
    "flex": {"service_tier": "flex"},
}


def ask(sim: Simulator, **changes: Any) -> httpx.Response:
    """One completion; None leaves a parameter out."""
    body = {name: value for name, value in {**ASKED, **changes}.items() if value is not None}
    return sim.http.post("/openai/v1/chat/completions", json=body, headers={"Authorization": "Bearer sk-1"})


def refused(answer: httpx.Response) -> ErrorObject:
    """The error inside the envelope: those four keys, always."""
    envelope = answer.json()
    assert list(envelope) == ["error"]
    assert envelope["error"].keys() == {"message", "type", "param", "code"}
    return openai_models.answer(json.dumps(envelope["error"]).encode(), ErrorObject)


@pytest.fixture
def client(sim: Simulator) -> Iterator[openai.OpenAI]:
    """The official client, which does not retry."""
    with openai.OpenAI(
        api_key="sk-1",
        base_url=f"{sim.url}/openai/v1",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    ) as found:
        yield found


@pytest.mark.parametrize("form", FORMS)
def test_completion_is_of_the_published_type(sim: Simulator, form: str) -> None:
    """Nothing missing, nothing converted, nothing that the type does not have."""
    answer = ask(sim, **FORMS[form])

    assert answer.status_code == 200
    completion = openai_models.answer(answer.content, ChatCompletion)
    usage = completion.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert completion.choices[0].finish_reason == ("length" if form == "short" else "stop")


@pytest.mark.parametrize("fault", ["", *variants("openai")])
def test_keys_that_may_be_null_are_there(sim: Simulator, fault: str) -> None:
    """The API's description requires them, the type of the client library does not; crippled answers have them too."""
    if fault:
        sim.fault("openai", fault)
    answer = ask(sim, **FORMS["json_schema"])

    openai_models.answer(answer.content, ChatCompletion)
    body = answer.json()
    (choice,) = body["choices"]
    assert body.keys() >= {"id", "object", "created", "model", "choices", "usage"}
    assert choice.keys() == {"index", "finish_reason", "message", "logprobs"}
    assert choice["message"].keys() >= {"role", "content", "refusal"}


@pytest.mark.parametrize("fault", [name for name in errors("openai") if name not in EDGE])
def test_error_is_of_the_published_type(sim: Simulator, fault: str) -> None:
    """Whatever goes wrong."""
    sim.fault("openai", fault)
    answer = ask(sim)

    assert answer.status_code >= 400
    assert refused(answer).message


@pytest.mark.parametrize(
    "changes",
    [
        {"model": None},
        {"model": "gpt-9"},
        {"messages": []},
        {"messages": [{"role": "user", "content": 5}]},
        {"temperature": 3},
        {"prompt": "x"},
        {"max_completion_tokens": 10**6},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "strict": True, "schema": {}},
            }
        },
    ],
    ids=str,
)
def test_refusal_is_of_the_published_type(sim: Simulator, changes: dict[str, Any]) -> None:
    """A request that is wrong gets the envelope, too."""
    assert refused(ask(sim, **changes)).type == "invalid_request_error"


@pytest.mark.parametrize("parameter", sorted(openai_models.PARAMETERS - {"stream"}))
def test_published_parameter_is_known(sim: Simulator, parameter: str) -> None:
    """Else a request that is right would be refused: what is not simulated is said to be that."""
    answer = ask(sim, **{parameter: ASKED.get(parameter, "x")})

    assert answer.status_code == 200 or refused(answer).code != "unknown_parameter"


@pytest.mark.parametrize("tier", openai_models.choices("service_tier"))
def test_every_service_tier_is_taken(sim: Simulator, tier: str) -> None:
    """And answered with the tier that served it, which is never the choice itself."""
    answer = ask(sim, service_tier=tier)

    served = openai_models.answer(answer.content, ChatCompletion).service_tier
    assert served == {"auto": "default", "fast": "priority"}.get(tier, tier)


@pytest.mark.parametrize("effort", openai_models.choices("reasoning_effort"))
def test_every_reasoning_effort_is_taken(sim: Simulator, effort: str) -> None:
    """By a model that reasons."""
    assert ask(sim, model="gpt-5", reasoning_effort=effort).status_code == 200


def test_models_are_of_the_published_type(sim: Simulator) -> None:
    """Each entry of the list."""
    answer = sim.http.get("/openai/v1/models", headers={"Authorization": "Bearer sk-1"})

    assert answer.json()["object"] == "list"
    for entry in answer.json()["data"]:
        openai_models.answer(json.dumps(entry).encode(), Model)


def test_official_client_reads_the_simulator(client: openai.OpenAI) -> None:
    """A structured answer becomes the class it was asked for; request id and usage are found."""
    completion = client.chat.completions.parse(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Running shoes"}], response_format=Verdict
    )

    assert isinstance(completion.choices[0].message.parsed, Verdict)
    assert completion._request_id
    assert completion.usage is not None
    assert "gpt-4o-mini" in {model.id for model in client.models.list()}


@pytest.mark.parametrize("fault", errors("openai"))
def test_official_client_knows_the_errors(sim: Simulator, client: openai.OpenAI, fault: str) -> None:
    """Each becomes the class of its status, with the code that decides."""
    sim.fault("openai", fault)
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**ASKED)

    error = caught.value
    assert type(error) is CLASSES.get(error.status_code, openai.APIStatusError)
    assert (error.type is None) == (fault in EDGE)


def test_official_client_sees_a_refusal_and_a_cut(sim: Simulator, client: openai.OpenAI) -> None:
    """What a 200 hides is found by the official client's own rules."""
    asked: dict[str, Any] = {
        "model": "gpt-4o-mini",
        "messages": ASKED["messages"],
        "response_format": Verdict,
    }
    sim.fault("openai", "refusal", times=1)
    refusal = client.chat.completions.parse(**asked)
    assert (refusal.choices[0].message.parsed, bool(refusal.choices[0].message.refusal)) == (None, True)

    sim.fault("openai", "truncated", times=1)
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(**asked)

    sim.fault("openai", "content_filter", times=1)
    with pytest.raises(openai.ContentFilterFinishReasonError):
        client.chat.completions.parse(**asked)
