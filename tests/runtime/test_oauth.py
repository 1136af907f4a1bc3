"""Access tokens: one request for all callers, renewed in time, and errors that say no call was made."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from shared.errors import AnswerError, ProviderError, StatusError, TransportError
from shared.runtime.oauth import EARLY_SECONDS, Client, Tokens
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio

CLIENT = Client("https://oauth.test/token", "the client", "its secret", "its refresh token")


class Server:
    """Gives out numbered tokens, or answers as it is told."""

    def __init__(self) -> None:
        self.forms: list[Mapping[str, str]] = []
        self.answer: tuple[int, bytes] | ProviderError | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.now = 0.0

    async def fetch(self, url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        assert url == CLIENT.url
        self.forms.append(form)
        await self.may_answer.wait()
        if isinstance(self.answer, ProviderError):
            raise self.answer
        if self.answer:
            return self.answer
        granted = {"access_token": f"token {len(self.forms)}", "expires_in": 3599, "token_type": "Bearer"}
        return 200, msgspec.json.encode(granted)

    def tokens(self) -> Tokens:
        return Tokens(CLIENT, self.fetch, clock=lambda: self.now)


@pytest.fixture
def server() -> Server:
    return Server()


async def test_a_token_is_asked_for_once_and_kept(server: Server) -> None:
    """By the form of RFC 6749; whoever comes later is told that it was kept."""
    tokens = server.tokens()

    assert [await tokens.get(), await tokens.get()] == [("token 1", False), ("token 1", True)]
    assert server.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "its refresh token",
            "client_id": "the client",
            "client_secret": "its secret",
        }
    ]


async def test_callers_at_once_share_one_request(server: Server) -> None:
    """Single flight; one who gives up does not take the token from the others."""
    tokens = server.tokens()
    server.may_answer.clear()
    callers = [asyncio.create_task(tokens.get()) for _ in range(50)]
    await eventually(lambda: server.forms)
    callers[0].cancel()
    server.may_answer.set()

    got = await asyncio.gather(*callers, return_exceptions=True)

    assert isinstance(got[0], asyncio.CancelledError)
    assert got[1:] == [("token 1", False)] * 49
    assert len(server.forms) == 1


async def test_a_token_is_renewed_before_it_ends(server: Server) -> None:
    """A call that leaves with it must still be in time."""
    tokens = server.tokens()
    await tokens.get()
    server.now = 3599 - EARLY_SECONDS - 1
    assert await tokens.get() == ("token 1", True)
    server.now += 1
    assert await tokens.get() == ("token 2", False)


async def test_a_refused_token_is_forgotten_once(server: Server) -> None:
    """Several calls may be refused with the same token; only the first makes a new one necessary."""
    tokens = server.tokens()
    await tokens.get()
    tokens.forget("token 1")
    assert await tokens.get() == ("token 2", False)
    tokens.forget("token 1")
    assert await tokens.get() == ("token 2", True)


@pytest.mark.parametrize(
    ("answer", "kind", "codes"),
    [
        ((400, b'{"error":"invalid_grant","error_description":"revoked"}'), StatusError, ("invalid_grant",)),
        ((401, b'{"error":"invalid_client"}'), StatusError, ("invalid_client",)),
        ((503, b"<html>"), StatusError, ()),
        ((200, b'{"token_type":"Bearer"}'), AnswerError, ("unreadable",)),
        ((200, b"<html>"), AnswerError, ("unreadable",)),
        (TransportError("connection broke"), TransportError, ()),
    ],
)
async def test_without_a_token_no_call_was_made(
    server: Server,
    answer: tuple[int, bytes] | ProviderError,
    kind: type[ProviderError],
    codes: tuple[str, ...],
) -> None:
    """The error says so, names the cause and no secret; the next caller tries again."""
    tokens = server.tokens()
    server.answer = answer
    with pytest.raises(kind) as caught:
        await tokens.get()
    assert (caught.value.sent, caught.value.codes) == (False, codes)
    assert "secret" not in f"{caught.value}{caught.value.body}"

    server.answer = None
    assert await tokens.get() == ("token 2", False)
