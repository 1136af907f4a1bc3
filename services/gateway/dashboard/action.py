"""What can be done from the dashboard: each action is one call of the API, made from a form."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from services.gateway.dashboard.api import Api, Call

Form = Mapping[str, str]
"""What a form or a query holds, by name."""


@dataclass(frozen=True, slots=True)
class Field:
    """What is asked for besides."""

    name: str
    label: str
    kind: Literal["text", "number", "checkbox", "json", "choice"] = "text"
    required: bool = False
    hint: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of a choice: value and label; the first one unless another is chosen."""


@dataclass(frozen=True, slots=True)
class Action:
    """One button."""

    name: str
    title: str
    says: str
    """What it does, in a sentence or two."""
    target: tuple[str, ...]
    """Names in the form that say to what it is done; the first ones are parts of the path."""
    call: Callable[[Form], Call]
    """Without the actor."""
    done: Callable[[Any], str]
    """What the API's answer says, as a sentence."""
    fields: tuple[Field, ...]
    count: Callable[[Api, Form], Awaitable[str]] | None = None
    """How much it concerns, as a sentence; asked before anything is done."""
    seed: Callable[[Api, Form], Awaitable[dict[str, str]]] | None = None
    """What its fields hold before anybody has typed."""
    hints: Callable[[Api, Form], Awaitable[dict[str, str]]] | None = None
    """What is to be said besides of its fields, by name."""
    leads_to: Callable[[Any], str] | None = None
    """The page it leads to, from the API's answer; empty or none: back to where the form was."""
    signed: bool = True
    """Its body may name who acts; else only the request's header does."""
    dangerous: bool = False
    """It is done only from the page that tells how much it concerns."""
    loses: bool = False
    """What it does away with does not come back: its button looks like that."""

    def call_by(self, form: Form, actor: str) -> Call:
        """The call with who makes it."""
        call = self.call(form)
        if call.body is None and not self.signed:
            return call
        body = {name: value for name, value in (call.body or {}).items() if value is not None}
        return msgspec.structs.replace(call, body=body | ({"actor": actor} if actor and self.signed else {}))

    def given(self, form: Form) -> dict[str, str]:
        """The parts of the form that name the target."""
        return {name: form[name] for name in self.target if form.get(name)}


#: Where a form holds the ETag of what it shows; `seed` puts it there.
SEEN: Final = "seen"
#: In a body: as it was before anybody set it. Else what is None is left out.
NULL: Final = msgspec.Raw(b"null")
REASON: Final = Field("reason", "Reason", hint="It is written down beside what is done.")
GIVEN_REASON: Final = Field("reason", "Reason", required=True, hint="It is written down beside what is done.")


def reason(form: Form) -> str | None:
    """None when none was given."""
    return form.get("reason") or None


def seen(form: Form) -> str:
    """The ETag of what the form showed; of a form that showed nothing one that matches nothing."""
    return form.get(SEEN) or '"nothing"'


def part(form: Form, name: str) -> str:
    """A value as a part of a path; where it is missing, one that the API knows nothing of."""
    return quote(form.get(name, ""), safe="") or "-"


def number(text: str) -> float | str:
    """As a number, whole if it is written so; what is none goes to the API as it is, which says so."""
    for kind in (int, float):
        with suppress(ValueError, OverflowError):
            value: float = kind(text)
            return value if isfinite(value) else text
    return text


def json(text: str) -> Any:
    """Decoded; what is no JSON goes to the API as it is, which says so."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
