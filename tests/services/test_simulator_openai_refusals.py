"""The simulated OpenAI: bodies, schemas, keys and paths that are refused."""

from copy import deepcopy

import pytest

from tests.services.test_simulator_openai import SCHEMA, body_of, error_of, post
from tests.services.test_simulator_process import Simulator


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"model": "gpt-9"}, 404, "model_not_found", None),
        ({"model": "o4-mini"}, 404, "model_not_found", None),
        ({"model": None}, 400, "missing_required_parameter", "model"),
        ({"model": 5}, 400, "invalid_type", "model"),
        ({"messages": None}, 400, "missing_required_parameter", "messages"),
        ({"messages": []}, 400, "empty_array", "messages"),
        ({"messages": "hello"}, 400, "invalid_type", "messages"),
        ({"messages": ["hello"]}, 400, "invalid_type", "messages[0]"),
        ({"messages": [{"content": "x"}]}, 400, "missing_required_parameter", "messages[0].role"),
        ({"messages": [{"role": "boss", "content": "x"}]}, 400, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, None, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, 400, "invalid_type", "messages[0].content"),
        ({"messages": [{"role": "user", "text": "x"}]}, 400, "unknown_parameter", "messages[0].text"),
        ({"prompt": "x"}, 400, "unknown_parameter", "prompt"),
        ({"temperature": "hot"}, 400, "invalid_type", "temperature"),
        ({"temperature": 2.5}, 400, "decimal_above_max_value", "temperature"),
        ({"max_completion_tokens": 0}, 400, "integer_below_min_value", "max_completion_tokens"),
        ({"max_completion_tokens": True}, 400, "invalid_type", "max_completion_tokens"),
        ({"max_completion_tokens": 16_385}, 400, "invalid_value", "max_tokens"),
        ({"max_tokens": 9, "max_completion_tokens": 9}, 400, "invalid_parameter_combination", "max_tokens"),
        ({"model": "gpt-5.4-mini", "max_tokens": 9}, 400, "unsupported_parameter", "max_tokens"),
        ({"model": "gpt-5.4-mini", "temperature": 0.3}, 400, "unsupported_value", "temperature"),
        ({"reasoning_effort": "low"}, 400, "unsupported_parameter", "reasoning_effort"),
        ({"service_tier": "first"}, 400, "invalid_value", "service_tier"),
        ({"service_tier": ["flex"]}, 400, "invalid_value", "service_tier"),
        ({"metadata": "x"}, 400, "invalid_type", "metadata"),
        ({"stream": True}, 400, "unsupported_parameter", "stream"),
        ({"tools": []}, 400, "unsupported_parameter", "tools"),
        ({"response_format": {"type": "yaml"}}, 400, "invalid_value", "response_format.type"),
        (
            {"response_format": {"type": "json_schema"}},
            400,
            "missing_required_parameter",
            "response_format.json_schema",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}},
            400,
            "invalid_value",
            "response_format.json_schema.name",
        ),
        (
            {"response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "x"}]},
            400,
            None,
            "messages",
        ),
    ],
)
def test_wrong_body_is_refused(
    sim: Simulator, changes: dict[str, object], status: int, code: str | None, param: str | None
) -> None:
    """By code and place, free of charge."""
    answer = post(sim, {**body_of(), **changes})
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert sim.page("openai")["units"] == 0


@pytest.mark.parametrize(
    ("at", "change", "told"),
    [
        ([], {"additionalProperties": None}, "additionalProperties"),
        ([], {"additionalProperties": True}, "additionalProperties"),
        ([], {"required": ["persona"]}, "Missing 'sentiment'"),
        ([], {"type": "array"}, 'type: "object"'),
        ([], {"anyOf": [{"type": "object"}]}, "anyOf"),
        (["$defs", "dimension"], {"required": ["score", "confidence", "evidence"]}, "Missing 'signals'"),
        (["properties", "insights"], {"maxLength": 300}, "'maxLength' is not permitted"),
        (["properties", "insights"], {"default": ""}, "'default' is not permitted"),
        (["properties", "insights"], {"type": None}, "'type'"),
        (["properties", "insights"], {"type": "text"}, "'text' is not a valid type"),
        (["properties", "insights"], {"type": [{}]}, "not a valid type"),
        (["properties", "key_topics"], {"items": None}, "missing items"),
        (["properties", "key_topics"], {"uniqueItems": True}, "'uniqueItems' is not permitted"),
        (["properties", "key_topics"], {"minItems": "5"}, "'minItems' must be a number"),
        (["properties", "insights"], {"type": "number", "multipleOf": 0}, "'multipleOf' is 0"),
        (["properties", "persona"], {"description": "x"}, "$ref cannot have keywords"),
        (["properties", "persona"], {"$ref": "#/$defs/nothing"}, "not found"),
        (["properties", "sentiment"], {"enum": []}, "enum"),
    ],
)
def test_schema_beyond_the_strict_subset_is_refused(
    sim: Simulator, at: list[str], change: dict[str, object], told: str
) -> None:
    """invalid_json_schema, with the place and the reason; None stands for a keyword left out."""
    schema = deepcopy(SCHEMA)
    node = schema
    for step in at:
        node = node[step]
    node.update(change)
    for keyword in [keyword for keyword, value in change.items() if value is None]:
        del node[keyword]
    answer = post(sim, body_of(schema=schema))
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (
        400,
        "invalid_json_schema",
        "response_format",
    )
    assert told in error["message"]
    assert all(repr(step) in error["message"] for step in at)


def test_schema_that_is_not_strict_is_refused(sim: Simulator) -> None:
    """Who forgets to ask for strictness is told so."""
    body = body_of()
    del body["response_format"]["json_schema"]["strict"]
    error = error_of(post(sim, body))
    assert (error["code"], error["param"]) == ("unsupported_value", "response_format.json_schema.strict")


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"{", "application/json"), (b"[]", "application/json"), (b"{}", "text/plain")],
)
def test_body_that_is_no_json_object_is_refused(sim: Simulator, content: bytes, content_type: str) -> None:
    """With the envelope of every error."""
    headers = {"Authorization": "Bearer secret", "Content-Type": content_type}
    answer = sim.http.post("/openai/v1/chat/completions", content=content, headers=headers)
    assert answer.status_code == 400
    assert "could not parse the JSON body" in error_of(answer)["message"]


def test_prompt_beyond_the_context_is_refused(sim: Simulator) -> None:
    """The output asked for counts; a model with a larger context takes it."""
    long = "word " * 100_000
    assert post(sim, body_of(long)).status_code == 200
    answer = post(sim, body_of(long, max_completion_tokens=16_000))
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", "messages")
    assert "maximum context length is 128000 tokens" in error["message"]
    assert error_of(post(sim, body_of(long * 3)))["code"] == "context_length_exceeded"
    assert post(sim, body_of(long * 3, model="gpt-4.1-mini")).status_code == 200


def test_wrong_key_is_refused(sim: Simulator) -> None:
    """With a code when there was one, and the key only in part."""
    answer = post(sim, body_of(), key="invalid-4f5e6d7c8b")
    assert (answer.status_code, error_of(answer)["code"]) == (401, "invalid_api_key")
    assert "4f5e6d" not in answer.text
    answer = sim.http.post("/openai/v1/chat/completions", json=body_of())
    assert (answer.status_code, error_of(answer)["code"]) == (401, None)


def test_models_are_listed_for_nothing(sim: Simulator) -> None:
    """A check of the key that costs no tokens."""
    headers = {"Authorization": "Bearer secret"}
    listed = sim.http.get("/openai/v1/models", headers=headers).json()
    assert listed["object"] == "list"
    assert {"gpt-4o-mini", "gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"} <= {m["id"] for m in listed["data"]}
    assert sim.http.get("/openai/v1/models/gpt-4o", headers=headers).json()["id"] == "gpt-4o"
    assert sim.http.get("/openai/v1/models/gpt-9", headers=headers).status_code == 404
    assert sim.http.get("/openai/v1/models").status_code == 401
    assert sim.page("openai")["units"] == 0


def test_other_paths_are_refused(sim: Simulator) -> None:
    """With the method and the path."""
    answer = sim.http.get("/openai/v1/chat/completions", headers={"Authorization": "Bearer secret"})
    assert answer.status_code == 404
    assert error_of(answer)["message"] == "Invalid URL (GET /v1/chat/completions)"
