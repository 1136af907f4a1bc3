"""An operator with a browser that runs no script: follows links, fills in forms, keeps cookies."""

import html as entities
import re
from typing import Any

from httpx import Response
from litestar.testing import AsyncTestClient
from lxml import html

TOKEN = "a-token"
SIGN_IN = "/ui/sign-in"
#: Below /ui, those that need no id.
SCREENS = (
    "",
    "/pipelines",
    "/start",
    "/templates",
    "/schedules",
    "/errors",
    "/dead-letters",
    "/breakers",
    "/queues",
    "/cost",
    "/operations",
    "/audit",
    "/keys",
    "/keyboard",
)


class Operator:
    """What somebody at the dashboard can see and do."""

    def __init__(self, client: AsyncTestClient[Any]) -> None:
        self.client = client

    async def sign_in(self, key: str = TOKEN, name: str = "ada", to: str = "") -> Response:
        """Fill in the form."""
        return await self.client.post(
            SIGN_IN, data={"key": key, "name": name, "next": to}, follow_redirects=False
        )

    async def see(self, path: str, status: int = 200, headers: dict[str, str] | None = None) -> str:
        """A page's HTML."""
        answer = await self.client.get(path, headers=headers, follow_redirects=False)
        assert answer.status_code == status, answer.text
        return answer.text

    async def read(self, path: str, status: int = 200) -> str:
        """A page's text, without markup and in one line."""
        return text_of(await self.see(path, status))

    async def submit(
        self, page: str, action: str, *, at: int = 0, files: dict[str, Any] | None = None, **fields: Any
    ) -> Response:
        """Send the page's form with this action, as it stands but for `fields`; None leaves one out."""
        forms = [form for form in html.fromstring(page).forms if form.action == action]
        assert forms, f"no form for {action} in {[f.action for f in html.fromstring(page).forms]}"
        values: dict[str, Any] = {}
        for name, value in forms[at].form_values():
            # As browsers do: the first line break in a text area belongs to the markup.
            values.setdefault(name, []).append(value.removeprefix("\n"))
        values |= fields
        data = {name: value for name, value in values.items() if value is not None}
        return await self.client.post(action, data=data, files=files, follow_redirects=False)

    async def do(self, page: str, action: str, **fields: Any) -> str:
        """Submit a form that must work; the text of the page it leads to."""
        answer = await self.submit(page, action, **fields)
        assert answer.status_code == 303, text_of(answer.text)
        return await self.read(answer.headers["location"])


def text_of(page: str) -> str:
    """What is read of a page."""
    bare = re.sub(r"<(script|style|title)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", entities.unescape(bare)).strip()


def links(page: str) -> set[str]:
    """Where a page leads."""
    return {
        str(link)
        for element, attribute, link, _ in html.iterlinks(page)
        if attribute == "href" and element.tag == "a"
    }
