"""Holds JSON against the types that OpenAI publishes in its client library, strictly and in both directions."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import openai
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

M = TypeVar("M", bound=openai.BaseModel)

#: What the body of a completion may hold.
PARAMETERS = frozenset(CompletionCreateParamsNonStreaming.__annotations__)
_REQUEST = TypeAdapter(CompletionCreateParamsNonStreaming)


def answer(body: bytes, model: type[M]) -> M:
    """The body as the published type: nothing converted, nothing that the type does not have.

    Raises pydantic's ValidationError, or AssertionError naming the fields that are not documented.
    """
    found = model.model_validate_json(body, strict=True)
    unknown = undocumented(found)
    assert not unknown, unknown
    return found


def undocumented(value: Any, at: str = "$") -> list[str]:
    """Paths of the fields that the published type lets pass without knowing them."""
    if isinstance(value, openai.BaseModel):
        named = {name: getattr(value, name) for name in type(value).model_fields}
        below = [path for name, one in named.items() for path in undocumented(one, f"{at}.{name}")]
        return [f"{at}.{name}" for name in value.model_extra or {}] + below
    if isinstance(value, list):
        return [path for n, one in enumerate(value) for path in undocumented(one, f"{at}[{n}]")]
    return []


def request(body: Mapping[str, Any]) -> Any:
    """The body as the published type of the request reads it, in plain values: what the type does not know is gone.

    Raises pydantic's ValidationError.
    """
    return _plain(_REQUEST.validate_python(body, strict=False))


def choices(parameter: str) -> list[str]:
    """The values that the published type names for a parameter of the request."""
    return _choices(get_type_hints(CompletionCreateParamsNonStreaming)[parameter])


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [value for one in get_args(kind) for value in _choices(one)]


def _plain(value: Any) -> Any:
    # An Iterable is only checked as it is read.
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_plain(one) for one in value]
    return value
