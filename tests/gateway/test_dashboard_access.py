"""The audit log and the API keys, as screens."""

import re
from typing import Any

import pytest

from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from tests.gateway.operator import Operator, links, text_of

pytestmark = pytest.mark.anyio


async def test_the_log_says_who_did_what_when_and_why(operator: Operator, conn: Connection) -> None:
    """With the way to what it was done to, and filtered by each of them."""
    pipeline_id = await start_searches(conn, 1)
    page = await operator.see(f"/ui/pipelines/{pipeline_id}")
    await operator.do(page, "/ui/actions/pause", reason="too dear")
    log = await operator.see("/ui/audit")
    assert re.search(r"ada by token pausePipeline /pipeline/…\S+/pause too dear done", text_of(log))
    assert f"/ui/pipelines/{pipeline_id}" in links(log)
    for query in ("actor=ada", "operation=pausePipeline", f"target={pipeline_id}"):
        assert "too dear" in await operator.read(f"/ui/audit?{query}")
    for query in ("actor=bob", "operation=cancelPipeline", "target=/keys"):
        assert "No write is like this." in await operator.read(f"/ui/audit?{query}")


async def test_the_log_goes_on_page_by_page(
    operator: Operator, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The filters go with it."""
    monkeypatch.setattr("services.gateway.dashboard.screens.audit.LIMIT", 1)
    pipeline_id = await start_searches(conn, 1)
    for action in ("pause", "unpause"):
        page = await operator.see(f"/ui/pipelines/{pipeline_id}")
        await operator.do(page, f"/ui/actions/{action}")
    newest = await operator.see("/ui/audit?actor=ada")
    (older,) = [link for link in links(newest) if "cursor=" in link]
    assert "unpausePipeline" in newest
    assert "pausePipeline" in await operator.read(older)
    assert "actor=ada" in older


async def test_a_key_is_shown_once_and_opens_what_it_may(operator: Operator) -> None:
    """Made with a role, some of its scopes and an expiry; in the list without what is secret of it."""
    fields: dict[str, Any] = {"name": "nightly export", "scopes": ["reports:read"], "expires_in_days": "30"}
    made = await operator.submit(await operator.see("/ui/keys"), "/ui/keys", **fields)
    assert made.status_code == 200
    (key,) = re.findall(r"lsk_\w[\w-]+", made.text)
    assert key not in str(made.headers)
    text = await operator.read("/ui/keys")
    assert key not in text
    assert "nightly export valid viewer reports:read" in text
    assert re.search("in (30 d|29 d 23 h)", text)
    bearer = {"Authorization": f"Bearer {key}"}
    answers = [
        await operator.client.get(f"/api/v1{path}", headers=bearer) for path in ("/companies", "/pipeline")
    ]
    assert [answer.status_code for answer in answers] == [200, 403]
    log = await operator.read("/ui/audit?operation=createKey")
    assert re.search("ada by token createKey /keys . done", log)


async def test_what_is_wrong_with_a_key_is_said_and_what_was_typed_stays(operator: Operator) -> None:
    """In the API's words."""
    fields: dict[str, Any] = {
        "name": "x",
        "role": "viewer",
        "scopes": ["keys:admin"],
        "expires_in_days": "soon",
    }
    page = await operator.submit(await operator.see("/ui/keys"), "/ui/keys", **fields)
    assert page.status_code == 422
    assert "No key was made" in text_of(page.text)
    assert 'value="soon"' in page.text
    assert "There is none yet." in await operator.read("/ui/keys")


async def test_a_revoked_key_signs_its_user_out(operator: Operator) -> None:
    """Revoking says whose it is and when it was used; the next page it asks for is the form."""
    made = await operator.submit(await operator.see("/ui/keys"), "/ui/keys", name="eve", role="admin")
    (key,) = re.findall(r"lsk_\w[\w-]+", made.text)
    await operator.sign_in(key)
    page = await operator.see("/ui/keys")
    (revoke,) = [link for link in links(page) if link.startswith("/ui/actions/revoke-key?")]
    ask = await operator.see(revoke)
    assert "The key eve, admin, was last used 0 s ago." in text_of(ask)
    answer = await operator.submit(ask, "/ui/actions/revoke-key", reason="left")
    assert answer.status_code == 303
    assert (await operator.client.get("/ui/keys", follow_redirects=False)).status_code == 303


async def test_keys_are_the_administrators(operator: Operator) -> None:
    """Who may not administer them is told so, and nothing of them."""
    made = await operator.submit(await operator.see("/ui/keys"), "/ui/keys", name="ops", role="operator")
    (key,) = re.findall(r"lsk_\w[\w-]+", made.text)
    await operator.sign_in(key)
    assert "lacks the scope keys:admin" in text_of(await operator.see("/ui/keys", 403))
    assert "createKey" in await operator.read("/ui/audit")
