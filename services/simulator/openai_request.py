"""The body of a chat completion: what it may hold, and what is refused."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from services.simulator import openai_messages, openai_schema
from services.simulator.openai_errors import RefusedError, wrong_type, wrong_value
from services.simulator.openai_models import MODELS, Model

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "service_tier": ("auto", "default", "fast", "flex", "priority", "scale"),
    "reasoning_effort": _EFFORTS,
    "verbosity": ("low", "medium", "high"),
}
_DECIMALS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
}
_WHOLE = {"max_tokens": 1, "max_completion_tokens": 1, "seed": -(2**63), "n": 1}
"""Lowest value."""
_TEXTS = ("user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention")
_SWITCHES = ("store", "stream", "logprobs")
_OTHERS = ("model", "messages", "response_format", "metadata", "stop")
_NOT_SIMULATED = (
    "audio", "function_call", "functions", "logit_bias", "modalities", "moderation", "parallel_tool_calls",
    "prediction", "prompt_cache_options", "stream_options", "tool_choice", "tools", "top_logprobs",
    "web_search_options",
)  # fmt: skip
_KNOWN = {*_CHOICES, *_DECIMALS, *_WHOLE, *_TEXTS, *_SWITCHES, *_OTHERS, *_NOT_SIMULATED}
_NOT_IN_THE_PROMPT = {
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "store",
    "metadata",
}
_NAME_CHARACTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")

Body = dict[str, Any]


class Completion(NamedTuple):
    """A valid request."""

    model: Model
    messages: list[tuple[str, str]]
    """Role and text."""
    form: str
    """"text", "json_object" or "json_schema"."""
    schema_name: str
    schema: Any
    max_tokens: int | None
    reasoning_effort: str
    service_tier: str
    prompt_tokens: int
    words: bytes
    """Everything that the answer depends on, in one spelling."""


def read(body: bytes) -> Completion:
    """Raises RefusedError for what the API answers with an error."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise RefusedError("We could not parse the JSON body of your request.", None, None)
    present = {name: value for name, value in given.items() if value is not None}
    for name in ("model", "messages"):
        if name not in present:
            raise RefusedError(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    if unknown := sorted(present.keys() - _KNOWN):
        raise RefusedError(f"Unknown parameter: '{unknown[0]}'.", unknown[0], "unknown_parameter")
    messages = openai_messages.read(present["messages"])
    model = _model(present["model"])
    _values(present)
    _combinations(present, model)
    form, name, schema = _form(present.get("response_format", {"type": "text"}), messages)
    prompt = sum(_tokens(text) + TOKENS_PER_MESSAGE for _, text in messages) + 3
    prompt += _tokens(msgspec.json.encode(schema).decode()) if schema is not None else 0
    limit = present.get("max_completion_tokens", present.get("max_tokens"))
    _length(model, prompt, limit)
    kept = {name: value for name, value in present.items() if name not in _NOT_IN_THE_PROMPT}
    return Completion(
        model,
        messages,
        form,
        name,
        schema,
        limit,
        present.get("reasoning_effort", "medium" if model.reasons else "none"),
        present.get("service_tier", "auto"),
        prompt,
        msgspec.json.encode(kept, order="deterministic"),
    )


def _model(given: Any) -> Model:
    if not isinstance(given, str):
        raise wrong_type("model", "a string", given)
    if given not in MODELS:
        raise RefusedError(
            f"The model `{given}` does not exist or you do not have access to it.",
            None,
            "model_not_found",
            404,
        )
    return MODELS[given]


def _values(present: Body) -> None:
    for name, value in present.items():
        if name in _CHOICES and value not in _CHOICES[name]:
            raise wrong_value(name, value, _CHOICES[name])
        if name in _TEXTS and not isinstance(value, str):
            raise wrong_type(name, "a string", value)
        if name in _SWITCHES and not isinstance(value, bool):
            raise wrong_type(name, "a boolean", value)
        if name in _WHOLE:
            if isinstance(value, bool) or not isinstance(value, int):
                raise wrong_type(name, "an integer", value)
            _within(name, "integer", value, _WHOLE[name], 2**63 - 1)
        if name in _DECIMALS:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise wrong_type(name, "a decimal", value)
            _within(name, "decimal", value, *_DECIMALS[name])
    if not isinstance(present.get("metadata", {}), dict):
        raise wrong_type("metadata", "an object", present["metadata"])


def _combinations(present: Body, model: Model) -> None:
    """What is known but does not go together, or not with this model, or not with this simulator."""
    unsupported = [name for name in _NOT_SIMULATED if name in present]
    unsupported += [name for name in ("stream", "logprobs") if present.get(name)]
    unsupported += ["n"] * (present.get("n", 1) > 1)
    if unsupported:
        raise RefusedError(f"'{unsupported[0]}' is not simulated.", unsupported[0], "unsupported_parameter")
    if "max_tokens" in present and model.reasons:
        raise RefusedError(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
            "instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    if "max_tokens" in present and "max_completion_tokens" in present:
        raise RefusedError(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            "max_tokens",
            "invalid_parameter_combination",
        )
    if "reasoning_effort" in present and not model.reasons:
        raise RefusedError(
            "Unsupported parameter: 'reasoning_effort' is not supported with this model.",
            "reasoning_effort",
            "unsupported_parameter",
        )
    for name in ("temperature", "top_p"):
        if model.reasons and present.get(name, 1) != 1:
            raise RefusedError(
                f"Unsupported value: '{name}' does not support {present[name]} with this model. Only the default "
                "(1) value is supported.",
                name,
                "unsupported_value",
            )


def _form(given: Any, messages: list[tuple[str, str]]) -> tuple[str, str, Any]:
    """Form, name of the schema, schema."""
    if not isinstance(given, dict):
        raise wrong_type("response_format", "an object", given)
    kind = given.get("type")
    if kind not in ("text", "json_object", "json_schema"):
        raise wrong_value("response_format.type", kind, ("json_object", "json_schema", "text"))
    if kind == "json_object" and not any("json" in text.lower() for _, text in messages):
        raise RefusedError(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            "messages",
            None,
        )
    if kind != "json_schema":
        return kind, "", None
    described = given.get("json_schema")
    if not isinstance(described, dict):
        at = "response_format.json_schema"
        raise RefusedError(f"Missing required parameter: '{at}'.", at, "missing_required_parameter")
    return kind, *_described(described)


def _described(given: Body) -> tuple[str, Any]:
    at = "response_format.json_schema"
    if unknown := sorted(given.keys() - {"name", "description", "schema", "strict"}):
        raise RefusedError(
            f"Unknown parameter: '{at}.{unknown[0]}'.", f"{at}.{unknown[0]}", "unknown_parameter"
        )
    for name in ("name", "schema"):
        if name not in given:
            raise RefusedError(
                f"Missing required parameter: '{at}.{name}'.", f"{at}.{name}", "missing_required_parameter"
            )
    name, strict = given["name"], given.get("strict")
    if not isinstance(name, str) or not 1 <= len(name) <= 64 or not _NAME_CHARACTERS.issuperset(name):
        raise RefusedError(
            f"Invalid '{at}.name': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$' with at most 64 characters.",
            f"{at}.name",
            "invalid_value",
        )
    if not isinstance(given["schema"], dict):
        raise wrong_type(f"{at}.schema", "an object", given["schema"])
    if not isinstance(strict, bool | None):
        raise wrong_type(f"{at}.strict", "a boolean", strict)
    if not strict:
        raise RefusedError(
            f"'{at}.strict' must be true: nothing else is simulated.", f"{at}.strict", "unsupported_value"
        )
    openai_schema.check(name, given["schema"])
    return name, given["schema"]


def _length(model: Model, prompt: int, limit: int | None) -> None:
    if limit is not None and limit > model.output_tokens:
        raise RefusedError(
            f"max_tokens is too large: {limit}. This model supports at most {model.output_tokens} completion tokens, "
            f"whereas you provided {limit}.",
            "max_tokens",
        )
    if prompt + (limit or 0) > model.context_tokens:
        asked = (
            f"you requested {prompt + limit} tokens ({prompt} in the messages, {limit} in the completion)"
            if limit
            else (f"your messages resulted in {prompt} tokens")
        )
        raise RefusedError(
            f"This model's maximum context length is {model.context_tokens} tokens. However, {asked}. Please reduce the "
            "length of the messages.",
            "messages",
            "context_length_exceeded",
        )


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def _within(name: str, kind: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        side, sign, bound = ("below_min", ">=", low) if value < low else ("above_max", "<=", high)
        words = "below minimum" if value < low else "above maximum"
        raise RefusedError(
            f"Invalid '{name}': {kind} {words} value. Expected a value {sign} {bound}, but got {value} instead.",
            name,
            f"{kind}_{side}_value",
        )
