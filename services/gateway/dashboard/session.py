"""Who is signed in: the API key and a name, sealed into a cookie that no script can read."""

import base64
import hashlib
import hmac
from typing import Final, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from litestar.datastructures import Cookie
from litestar.exceptions import PermissionDeniedException

from services.gateway.actor import AnyRequest

COOKIE: Final = "landscape_session"
NOTICE: Final = "landscape_notice"
#: A session ends after this long, whatever happens in it. Seconds.
LIFETIME: Final = 12 * 60 * 60
#: What is said after an action is said once, and soon.
NOTICE_LIFETIME: Final = 60
PATH: Final = "/ui"
#: Requests a browser says came from elsewhere.
_FOREIGN: Final = frozenset({"cross-site", "same-site"})

S = TypeVar("S", bound=msgspec.Struct)


class Session(msgspec.Struct, frozen=True):
    """What the cookie holds."""

    key: str
    """Sent with every call of the API, and checked there each time."""
    name: str
    """Who acts, for the record."""


class Notice(msgspec.Struct, frozen=True):
    """What an action came to, shown on the next page."""

    text: str


class Seal:
    """Encrypts and authenticates cookies with a key made from the installation's token: another token ends them all."""

    def __init__(self, token: str) -> None:
        digest = hashlib.sha256(b"landscape dashboard\0" + token.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))
        self._secret = hashlib.sha256(b"landscape dashboard forms\0" + token.encode()).digest()

    def close(self, content: Session | Notice) -> str:
        """As a cookie's value."""
        return self._fernet.encrypt(msgspec.msgpack.encode(content)).decode()

    def session(self, request: AnyRequest) -> Session | None:
        """The request's own; None without one, or when it is over."""
        return self._open(request.cookies.get(COOKIE, ""), Session, LIFETIME)

    def notice(self, request: AnyRequest) -> str:
        """What the last action came to, or nothing."""
        notice = self._open(request.cookies.get(NOTICE, ""), Notice, NOTICE_LIFETIME)
        return notice.text if notice else ""

    def form_token(self, request: AnyRequest) -> str:
        """Stands in every form of a session: who cannot read its pages cannot make its requests."""
        cookie = request.cookies.get(COOKIE, "")
        return hmac.new(self._secret, cookie.encode(), hashlib.sha256).hexdigest()

    def check_form(self, request: AnyRequest, given: str) -> None:
        """Raise PermissionDeniedException for a form that is not of this session."""
        refuse_foreign(request)
        if not hmac.compare_digest(given.encode(), self.form_token(request).encode()):
            raise PermissionDeniedException("this form is not of your session; load its page again")

    def _open(self, value: str, type_: type[S], seconds: int) -> S | None:
        try:
            return msgspec.msgpack.decode(self._fernet.decrypt(value.encode(), ttl=seconds), type=type_)
        except (InvalidToken, msgspec.DecodeError):
            return None


def refuse_foreign(request: AnyRequest) -> None:
    """Raise PermissionDeniedException for a form that another site's page has sent."""
    if request.headers.get("sec-fetch-site", "") in _FOREIGN:
        raise PermissionDeniedException("this form was sent by another site")


def cookie(request: AnyRequest, name: str, value: str, seconds: int) -> Cookie:
    """Neither scripts nor other sites' requests get it, nor, where there is TLS, a connection without."""
    return Cookie(
        key=name,
        value=value,
        max_age=seconds,
        path=PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
