"""Operations as a screen: how far they are, by whom, and their end before its time."""

import pytest

from shared.store.operations import begin_letters, do_chunk
from shared.store.pool import Connection
from tests.browser.scene import Scene, play
from tests.gateway.operator import Operator, links, text_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(postgres_url: str) -> Scene:
    """Something of everything."""
    return await play(postgres_url)


async def test_an_operation_shows_how_far_it_is(operator: Operator, conn: Connection, scene: Scene) -> None:
    """Of how many, by whom and why; filtered by state."""
    text = await operator.read("/ui/operations")
    assert f"{scene.operation}, replay queued 0 0 12 grace the provider is back" in text
    async with conn.transaction():
        await do_chunk(conn, 5)
    assert f"{scene.operation}, replay running 5 0 12 grace" in await operator.read("/ui/operations")
    assert "No operation is queued." in await operator.read("/ui/operations?in_state=queued")
    await operator.see("/ui/operations?in_state=nonsense", 422)


async def test_an_operation_is_cancelled(operator: Operator, scene: Scene) -> None:
    """The page says what is done already; an ended one has no button."""
    (cancel,) = [link for link in links(await operator.see("/ui/operations")) if "cancel-operation" in link]
    ask = await operator.see(cancel)
    assert "It is queued: 0 of 12 are done, and stay done." in text_of(ask)
    after = await operator.do(ask, "/ui/actions/cancel-operation", reason="enough")
    assert f"Operation {scene.operation} is cancelled." in after
    assert "cancelled by ada: enough" in after
    assert not [link for link in links(await operator.see("/ui/operations")) if "cancel-operation" in link]


async def test_what_is_too_much_for_a_request_leads_to_its_operation(
    operator: Operator, conn: Connection, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is seen going on."""
    defaults = begin_letters.__kwdefaults__
    assert defaults
    monkeypatch.setitem(defaults, "least", 3)
    ask = await operator.see("/ui/actions/discard?phase=serp_collection&back=/ui/errors")
    answer = await operator.submit(ask, "/ui/actions/discard", reason="old")
    assert answer.headers["location"] == "/ui/operations"
    assert "does it for 12; it goes on by itself." in await operator.read("/ui/operations")
