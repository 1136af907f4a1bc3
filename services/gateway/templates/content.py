"""From a request to what a template holds: checked as a start is, by the same code."""

import msgspec

from services.gateway.dependencies import Gateway
from services.gateway.pipelines.beginning import read
from shared.domain.pipeline import Frozen
from shared.errors import InputError, Problem
from shared.store.templates import Content

_START = "/start"


class _Holding(msgspec.Struct):
    start: msgspec.Raw


def start_of(body: bytes) -> bytes:
    """The field `start` of a body that has been checked, as it was given: what it leaves out is the default's then."""
    return msgspec.json.encode(msgspec.json.decode(msgspec.json.decode(body, type=_Holding).start))


async def content_of(gateway: Gateway, name: str, start: bytes) -> tuple[Content, Frozen]:
    """What a template of this name would hold, and what it would become now. Raises InputError with pointers below /start."""
    try:
        frozen = await read(gateway, start)
    except InputError as error:
        raise InputError(*(Problem(_START + one.pointer, one.detail) for one in error.problems)) from None
    if frozen.config.resume_from_pipeline_id:
        detail = "a template takes nothing over; leave it out"
        raise InputError(Problem(f"{_START}/config/resume_from_pipeline_id", detail))
    return Content(" ".join(name.split()), start, frozen.config), frozen
