"""What the vendors' models are held with: documented examples pass, anything beside them is named with its place."""

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion
from pydantic import ValidationError

from tests.contract.vendors import (
    discovery,
    google_ads,
    google_rpc,
    openai_models,
    parameters,
    shape,
    strict_schema,
)
from tests.contract.vendors.documented import documented

VENDORS = ("scale_serp", "cognism", "scrapingbee")


@pytest.mark.parametrize(
    ("vendor", "name"), [(vendor, name) for vendor in VENDORS for name in documented(vendor)["examples"]]
)
def test_documented_example_fits_its_shape(vendor: str, name: str) -> None:
    """A shape is no narrower than what the vendor shows."""
    assert documented(vendor).misfits(documented(vendor)["examples"][name], name) == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_documented_situations_have_shapes(vendor: str) -> None:
    """No row names a shape that is not there."""
    for row in documented(vendor)["situations"].values():
        assert row.get("shape") in (None, *documented(vendor)["shapes"])


@pytest.mark.parametrize(
    ("value", "misfits"),
    [
        ({"id": "1", "list": [{"n": 1}]}, []),
        ({"id": "1", "when": None, "hasTea": True}, []),
        ({"id": "1", "when": "2026-11-23T10:00:00.000Z"}, []),
        ({}, ["$.id: is missing"]),
        ({"id": 1}, ["$.id: 1 is no string"]),
        ({"id": "1", "more": 0}, ["$.more: is not documented"]),
        ({"id": "1", "when": "yesterday"}, ["$.when: 'yesterday' is no moment"]),
        ({"id": "1", "hasTea": 1}, ["$.hasTea: 1 is no boolean"]),
        ({"id": "1", "list": [{"n": True}]}, ["$.list[0].n: True is no integer"]),
        ({"id": "1", "list": [{}] * 3}, [*(f"$.list[{n}].n: is missing" for n in range(3)), "$.list: 3 values are not 0 to 2"]),
        ({"id": "1", "kind": "b"}, ["$.kind: 'b' is no =a"]),
        ([], ["$: [] is no object"]),
    ],
)  # fmt: skip
def test_shape_names_what_does_not_fit(value: Any, misfits: list[str]) -> None:
    """Missing, of another type, beside what is documented, or too many."""
    one = {"id": "string", "when?": "moment|null", "has*": "boolean", "list?": ["@part", 0, 2], "kind?": "=a"}

    assert shape.misfits(value, one, {"part": {"n": "integer"}}) == misfits


@pytest.mark.parametrize(
    ("given", "misfits"),
    [
        ({"id": "a,b", "n": "3", "on": "true"}, []),
        ({"n": "3"}, ["id: is missing"]),
        ({"id": "a", "x": "1"}, ["x: is not documented"]),
        ({"id": "a,b,c"}, ["id: 3 values, 2 are the most"]),
        ({"id": "a,a"}, ["id: holds a value twice"]),
        ({"id": "a", "n": "6"}, ["n: '6' is not within 1 and 5"]),
        ({"id": "a", "n": "x"}, ["n: 'x' is no integer"]),
        ({"id": "a", "on": "True"}, ["on: 'True' is no boolean"]),
        ({"id": "a", "kind": "z"}, ["kind: 'z' is none of ['y']"]),
        ({"id": "a", "gl": "USA"}, ["gl: 'USA' does not match [a-z]{2}"]),
    ],
)
def test_parameters_name_what_does_not_fit(given: dict[str, str], misfits: list[str]) -> None:
    """Missing, unknown, of another type, or out of its limits."""
    table: dict[str, dict[str, Any]] = {
        "id": {"required": True, "repeated": True, "values": "2"},
        "n": {"type": "integer", "minimum": "1", "maximum": "5"},
        "on": {"type": "boolean"},
        "kind": {"enum": ["y"]},
        "gl": {"pattern": "[a-z]{2}"},
    }

    assert parameters.misfits(given, table) == misfits


@pytest.mark.parametrize(
    ("item", "misfit"),
    [
        ({"statistics": {"viewCount": 5}}, "$.statistics.viewCount: 5 is no uint64"),
        ({"statistics": {"viewCount": "-5"}}, "$.statistics.viewCount: '-5' is no uint64"),
        ({"statistics": {"views": "5"}}, "$.statistics.views: is not documented"),
        ({"snippet": {"publishedAt": "2024"}}, "$.snippet.publishedAt: '2024' is no date-time"),
        ({"snippet": {"thumbnails": {"default": {"width": "120"}}}}, "$.snippet.thumbnails.default.width: '120' is no uint32"),
        ({"snippet": {"tags": "a"}}, "$.snippet.tags: 'a' is no array"),
        ({"kind": "youtube#channel"}, "$.kind: 'youtube#channel' is no string"),
        ({"status": {"privacyStatus": "secret"}}, "$.status.privacyStatus: 'secret' is no string"),
    ],
)  # fmt: skip
def test_discovery_names_what_does_not_fit(item: dict[str, Any], misfit: str) -> None:
    """Also 64-bit integers that are not in quotes."""
    assert discovery.misfits(item, "Video") == [misfit]


@pytest.mark.parametrize(
    "body",
    [
        '{"results":[{"text":"x","volume":"1"}]}',
        '{"results":[{"text":"x","keywordMetrics":{"competition":"FIERCE"}}]}',
        '{"results":[{"text":"x","keywordMetrics":{"avgMonthlySearches":"many"}}]}',
    ],
)
def test_protobuf_refuses_what_does_not_fit(body: str) -> None:
    """Unknown fields, unknown values of enums, text for a number."""
    with pytest.raises(google_rpc.ParseError):
        google_rpc.parse(body, google_ads.response(google_ads.LATEST))


def test_protobuf_writes_64_bits_in_quotes() -> None:
    """So an answer with a bare number does not come back the same."""
    body = '{"results":[{"text":"x","keywordMetrics":{"avgMonthlySearches":5}}]}'
    (result,) = google_rpc.parse(body, google_ads.response(google_ads.LATEST))["results"]

    assert result["keywordMetrics"] == {"avgMonthlySearches": "5"}


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


COMPLETION: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ""}}],
}


@pytest.mark.parametrize(
    "changes", [{"created": "1"}, {"object": "completion"}, {"choices": [{"index": 0}]}, {"model": None}]
)
def test_completion_of_another_type_is_refused(changes: dict[str, Any]) -> None:
    """Nothing is converted to fit."""
    with pytest.raises(ValidationError):
        openai_models.answer(as_json({**COMPLETION, **changes}), ChatCompletion)


def test_completion_with_more_than_is_published_is_refused() -> None:
    """At any depth: the client library itself lets it pass."""
    extra = {**COMPLETION, "choices": [{**COMPLETION["choices"][0], "mood": "good"}]}

    openai_models.answer(as_json(COMPLETION), ChatCompletion)
    with pytest.raises(AssertionError, match="mood"):
        openai_models.answer(as_json(extra), ChatCompletion)


@pytest.mark.parametrize(
    ("node", "misfit"),
    [
        ({"type": "string", "minLength": 1}, "$.x.minLength: is not in the subset"),
        ({"type": "array"}, "$.x[]: is no schema"),
        ({"type": "object", "properties": {"y": {"type": "null"}}, "required": ["y"]}, "$.x: additionalProperties is not false"),
        ({"type": "object", "properties": {"y": {"type": "null"}}, "additionalProperties": False}, "$.x: required is not all properties"),
        ({"$ref": "#/$defs/nobody"}, "$.x: leads nowhere"),
        ({"type": "text"}, "$.x: ['text'] are no types"),
        ({"type": "string", "format": "uri"}, "$.x: format uri"),
        ({"type": "string", "enum": [str(n) for n in range(1001)]}, "$: 1001 values of enums"),
    ],
)  # fmt: skip
def test_strict_schema_names_what_leaves_the_subset(node: dict[str, Any], misfit: str) -> None:
    """By the rule that is broken, and where."""
    root = {"type": "object", "properties": {"x": node}, "required": ["x"], "additionalProperties": False}

    assert strict_schema.misfits(root) == [misfit]


def test_strict_schema_takes_what_is_in_the_subset() -> None:
    """References, unions with null, bounds and lists of bounded length."""
    properties: dict[str, Any] = {
        "score": {"$ref": "#/$defs/score"},
        "name": {"anyOf": [{"type": "string", "pattern": "^a"}, {"type": "null"}]},
        "either": {"type": ["integer", "null"], "minimum": 0},
        "list": {"type": "array", "items": {"type": "string", "enum": ["a"]}, "maxItems": 3},
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": {"score": {"type": "number", "maximum": 10}},
    }

    assert strict_schema.misfits(schema) == []
