"""OpenAI: the models the key may use, which costs nothing; the one that is wanted must be among them."""

from typing import Any

from services.gateway.doctor.expectation import Expectation, caller
from shared.config import Provider as Own
from shared.domain.provider import Request
from shared.domain.start import DEFAULT_MODEL


def _model_missing(answer: Any, own: Own) -> str:
    wanted = own.model or DEFAULT_MODEL
    there = any(model["id"] == wanted for model in answer["data"])
    return "" if there else f"the model {wanted} is not among those the key may use"


EXPECTATION = Expectation(
    caller(
        "openai",
        "llm",
        "https://api.openai.com/v1",
        ("bearer", ""),
        headers={"OpenAI-Organization": "organization", "OpenAI-Project": "project"},
        error_codes=("error.code", "error.type"),
    ),
    Request("/models"),
    price="free",
    source="the provider's OpenAPI document, version 2.3.0",
    fields={
        "object": "string",
        "data[].id": "string",
        "data[].object": "string",
        "data[].created": "integer",
        "data[].owned_by": "string",
    },
    objection=_model_missing,
)
