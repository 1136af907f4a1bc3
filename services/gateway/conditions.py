"""If-Match: an edit of what somebody else has changed meanwhile is refused."""

import hashlib
import re
from typing import Final

import msgspec

from services.gateway.actor import AnyRequest
from shared.errors import InputError, Problem, StaleError

HEADER: Final = "If-Match"
#: One tag or several, or whatever there is.
TAGS: Final = r'\*|"[!#-~]+"(, ?"[!#-~]+")*'


def etag(*parts: object) -> str:
    """A strong validator of what can be edited: it changes with any of these."""
    return f'"{hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]}"'


def require_match(request: AnyRequest, current: str) -> None:
    """Raise StaleError unless the request has seen this state, or asks for none; InputError for what is no tag."""
    wanted = request.headers.get(HEADER)
    if wanted is None or wanted == "*":
        return
    if not re.fullmatch(TAGS, wanted):
        raise InputError(Problem(f"?{HEADER}", "must be an ETag as it was answered, in its quotes, or *"))
    if current not in [tag.strip() for tag in wanted.split(",")]:
        raise StaleError(
            "it was changed since you read it; read it again and repeat the edit with its new ETag"
        )
