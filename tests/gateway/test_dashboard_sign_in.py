"""Signing in: what a session is worth, what it needs, and what it does not give away."""

from typing import Any

import pytest

from services.gateway.dashboard.session import COOKIE
from tests.gateway.operator import SCREENS, TOKEN, Operator, links

pytestmark = pytest.mark.anyio

PAGES = (*SCREENS, "/actions/pause")


async def test_without_a_session_every_page_leads_to_the_form(operator: Operator) -> None:
    """And from there back to where one was."""
    operator.client.cookies.clear()
    for page in PAGES:
        answer = await operator.client.get(f"/ui{page}", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/ui/sign-in?next=%2Fui")
    renewed = await operator.client.get("/ui", headers={"HX-Request": "true"}, follow_redirects=False)
    assert renewed.headers["hx-refresh"] == "true"
    assert (await operator.sign_in(to="/ui/queues")).headers["location"] == "/ui/queues"


@pytest.mark.parametrize("to", ["https://elsewhere.example", "//elsewhere.example", "/api", "/uix"])
async def test_signing_in_leads_to_no_other_site(operator: Operator, to: str) -> None:
    """Whatever the address asks for."""
    assert (await operator.sign_in(to=to)).headers["location"] == "/ui"


@pytest.mark.parametrize("key", ["", "wrong", TOKEN + "x", "schlüssel"])
async def test_a_wrong_key_signs_nobody_in(operator: Operator, key: str) -> None:
    """The form says so, and does not repeat the key."""
    operator.client.cookies.clear()
    answer = await operator.sign_in(key)

    assert answer.status_code == 422
    assert "No such key" in answer.text
    assert COOKIE not in answer.cookies
    assert not key or f'value="{key}"' not in answer.text


async def test_the_cookie_is_out_of_reach_and_sealed(operator: Operator) -> None:
    """No script, no other site and, under TLS, no open line gets it; the key cannot be read in it."""
    answer = await operator.sign_in()
    (cookie,) = answer.headers.get_list("set-cookie")

    assert {"HttpOnly", "SameSite=strict", "Path=/ui"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in cookie
    operator.client.cookies.set(COOKIE, operator.client.cookies[COOKIE][:-8] + "AAAAAAA=", path="/ui")
    await operator.see("/ui", 303)


async def test_a_form_of_another_session_or_site_does_nothing(operator: Operator) -> None:
    """Without its token, with another's, or sent from elsewhere."""
    attempts: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({}, {}),
        ({"form_token": "0" * 64}, {}),
        ({"form_token": "ü"}, {}),
    ]
    page = await operator.see("/ui/start")
    for data, headers in attempts:
        for path in ("/ui/actions/reset", "/ui/start", "/ui/sign-out"):
            answer = await operator.client.post(path, data=data | {"service": "serp"}, headers=headers)
            assert answer.status_code == 403, path
    token = page.partition('name="form_token" value="')[2].partition('"')[0]
    answer = await operator.client.post(
        "/ui/actions/reset",
        data={"form_token": token, "service": "serp"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    foreign = await operator.client.post(
        "/ui/sign-in", data={"key": TOKEN}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403


async def test_signing_out_ends_the_session_of_this_browser(operator: Operator) -> None:
    """The next page asks for the key again."""
    answer = await operator.submit(await operator.see("/ui"), "/ui/sign-out")

    assert answer.headers["location"] == "/ui/sign-in"
    await operator.see("/ui", 303)


async def test_every_page_has_a_strict_policy(operator: Operator) -> None:
    """Nothing inline, nothing from elsewhere, in no frame, kept by no cache."""
    for page in (*PAGES, "/sign-in", "/nothing"):
        answer = await operator.client.get(f"/ui{page}", follow_redirects=False)
        policy = answer.headers.get("content-security-policy", "")
        if answer.headers["content-type"].startswith("text/html"):
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["cache-control"] == "no-store"


async def test_every_link_of_the_first_page_leads_somewhere(operator: Operator) -> None:
    """Of an empty system."""
    for link in links(await operator.see("/ui")):
        if link.startswith("/ui"):
            await operator.see(link)
