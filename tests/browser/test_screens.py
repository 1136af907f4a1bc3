"""Every screen in a real browser: accessible, self-contained, light, and its picture."""

import gzip
from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Response

from tests.browser.conftest import Stage, Watched
from tests.browser.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.alone]

#: Of all a page loads, scripts and styles included, as it goes over the wire.
PAGE_BYTES: Final = 80 * 1024
SCREENS: Final[dict[str, Callable[[Scene], str]]] = {
    "home": lambda _: "/ui",
    "pipelines": lambda _: "/ui/pipelines",
    "pipeline-running": lambda s: f"/ui/pipelines/{s.running}",
    "pipeline-scheduled": lambda s: f"/ui/pipelines/{s.earlier}",
    "pipeline-failed": lambda s: f"/ui/pipelines/{s.failed}",
    "results": lambda s: f"/ui/pipelines/{s.completed}/results",
    "results-failed": lambda s: f"/ui/pipelines/{s.failed}/results",
    "report": lambda s: f"/ui/pipelines/{s.completed}/report",
    "report-compared": lambda s: f"/ui/pipelines/{s.completed}/report?against={s.earlier}",
    "errors": lambda _: "/ui/errors",
    "dead-letters": lambda _: "/ui/dead-letters",
    "dead-letter": lambda s: f"/ui/dead-letters/{s.letter}",
    "failed-items": lambda s: f"/ui/pipelines/{s.failed}/failed-items",
    "breakers": lambda _: "/ui/breakers",
    "breaker": lambda _: "/ui/breakers/media",
    "breaker-set": lambda _: "/ui/breakers/pages",
    "policy": lambda _: "/ui/actions/edit-policy?service=pages",
    "queues": lambda _: "/ui/queues",
    "cost": lambda _: "/ui/cost",
    "start": lambda _: "/ui/start",
    "templates": lambda _: "/ui/templates",
    "template": lambda s: f"/ui/templates/{s.template}",
    "schedules": lambda _: "/ui/schedules",
    "schedule": lambda s: f"/ui/schedules/{s.schedule}",
    "scheduling": lambda s: f"/ui/actions/edit-schedule?schedule_id={s.schedule}",
    "item": lambda s: f"/ui/pipelines/{s.failed}/items/{s.item}",
    "item-completed": lambda s: f"/ui/pipelines/{s.completed}/items/{s.found}",
    "action": lambda s: f"/ui/actions/replay?pipeline_id={s.failed}",
    "operations": lambda _: "/ui/operations",
    "audit": lambda _: "/ui/audit",
    "keys": lambda _: "/ui/keys",
    "keyboard": lambda _: "/ui/keyboard",
}
#: Of the whole page, or of what colours may break: nothing else differs between light and dark.
_AXE: Final = """async (colours) => (await axe.run(document, {
    resultTypes: ["violations"], ...(colours ? {runOnly: ["color-contrast", "link-in-text-block"]} : {}),
})).violations.map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ")).slice(0, 4).join(" | "))"""


def look(page: Page, stage: Stage, name: str) -> dict[str, Any]:
    """What is wrong with a page in light and dark, narrow and wide; a picture of each width is kept."""
    wrong: dict[str, Any] = {}
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for dark in (True, False):
            page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
            if violations := page.evaluate(_AXE, dark):
                wrong[f"{width} {'dark' if dark else 'light'}"] = violations
        page.screenshot(path=stage.pictures / f"{name}-{width}.png", full_page=True)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if overflow > 0:
            wrong[f"{width} overflow"] = overflow
    return wrong


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_accessible_and_self_contained(name: str, stage: Stage, watched: Watched) -> None:
    """Axe finds nothing in light and dark at 360 and 1280 px; no other origin, no breach of the policy, no error."""
    page = watched.open(SCREENS[name](stage.scene))

    assert look(page, stage, name) == {}
    assert page.evaluate("window.violations") == []
    assert (watched.foreign, watched.errors) == ([], [])


def test_signing_in_is_accessible(stage: Stage, stranger: Watched) -> None:
    """Also with a wrong key."""
    page = stranger.open("/ui/pipelines")
    page.fill("#key", "wrong")
    page.click("text=Sign in")

    assert "No such key" in page.inner_text("[role=alert]")
    assert look(page, stage, "sign-in") == {}


def test_a_page_is_light(stage: Stage, watched: Watched) -> None:
    """Document, scripts, styles and icon of the heaviest screen, compressed."""
    answers: list[Response] = []
    page = watched.context.new_page()
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  a builtin cannot be registered
    page.goto(f"{stage.origin}/ui/pipelines/{stage.scene.running}", wait_until="load")
    sizes = {answer.url: len(gzip.compress(answer.body(), 6)) for answer in answers}

    assert len(sizes) >= 6
    assert sum(sizes.values()) <= PAGE_BYTES, sizes
