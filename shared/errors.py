"""Every error this product raises on purpose.

LandscapeError
├── ConfigError            a setting, file or argument is wrong; names it and the next step
├── InputError             a request is wrong; carries one Problem per field
│   └── MalformedError     it is not even JSON
├── NotFoundError          nothing has this id
├── ConflictError          the thing is in no state for it; nothing was changed
│   └── StaleError         it is not what the request says it has seen
├── StoreError             the record is not as this code expects
│   └── SchemaError        the schema is older or newer than this code, or was edited
└── ProviderError          a provider's call gave no usable answer; carries status, codes and delay
    ├── TransportError     no answer: connection, timeout, broken body
    ├── StatusError        an answer with an error status
    └── AnswerError        status 200, but the body says or is something else

Anything else that surfaces is a bug: it is never retried as transient and fails loudly.
"""

from dataclasses import dataclass

#: A provider's words are part of some texts, which go into ledger, history and log. Characters.
TEXT_LENGTH = 400


class LandscapeError(Exception):
    """Root of the tree. `code` is stable and appears in logs and problems."""

    code = "error"


class ConfigError(LandscapeError):
    """A setting is missing or malformed. The text names it and says what to do."""

    code = "config"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request."""

    pointer: str
    """JSON pointer of the field, as in "/keywords/3"; empty for the whole body."""
    detail: str
    """What is wrong and what would be right."""


class InputError(LandscapeError):
    """The request cannot be carried out; nothing of it was."""

    code = "input"

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.pointer}: {p.detail}" for p in problems))
        self.problems = problems


class MalformedError(InputError):
    """The body is not JSON."""

    code = "malformed"


class NotFoundError(LandscapeError):
    """Nothing has this id."""

    code = "not_found"


class ConflictError(LandscapeError):
    """It is in no state in which this can be done. Nothing was changed."""

    code = "conflict"


class StaleError(ConflictError):
    """Somebody has changed it since. Nothing was changed."""

    code = "stale"


class StoreError(LandscapeError):
    """The record is not as this code expects."""

    code = "store"


class SchemaError(StoreError):
    """The schema does not match this code. `landscape migrate` applies what is missing."""

    code = "schema"


class ProviderError(LandscapeError):
    """A call gave no usable answer."""

    code = "provider"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        codes: tuple[str, ...] = (),
        body: str = "",
        retry_after: float | None = None,
        sent: bool = True,
        units: float | None = None,
    ) -> None:
        super().__init__(message[:TEXT_LENGTH])
        self.status = status
        """HTTP status, None without an answer."""
        self.codes = codes
        """The provider's own error codes, most specific first."""
        self.body = body
        """Start of the body, for rules that match on text."""
        self.retry_after = retry_after
        """Seconds the provider asked to wait, None when it did not."""
        self.sent = sent
        """False only when the request certainly never left: nothing can have been charged."""
        self.units = units
        """Units charged in spite of the error, None when the answer does not say it."""
        self.places: tuple[int, ...] = ()
        """Where in the request, from 0, the subjects stand that spoilt the call, if the provider says so."""
        self.culprits: frozenset[str] = frozenset()
        """These subjects."""


class TransportError(ProviderError):
    """No whole answer: connection refused, reset, timeout, body cut off."""

    code = "transport"


class StatusError(ProviderError):
    """An answer with an error status."""

    code = "status"


class AnswerError(ProviderError):
    """Status 200, but the body is malformed or says it failed. `codes` says which."""

    code = "answer"
