"""A gateway as a process of its own, and one real Chromium that watches what its pages do."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from shared.testing.eventually import wait_until
from tests.browser.scene import Scene, play
from tests.conftest import TEMPLATE, Servers
from tests.gateway.operator import TOKEN

#: Programs that are a Chromium.
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
#: For a page to be there, and for anything that is looked for on it. Milliseconds.
PATIENCE_MS: Final = 15_000
_COUNT_VIOLATIONS: Final = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective + " " + e.blockedURI));
"""


@dataclass
class Stage:
    """A gateway, what is on its record, and where its pages are kept as pictures."""

    origin: str
    postgres_url: str
    scene: Scene
    pictures: Path


@dataclass
class Watched:
    """A browser context, and everything it did that a page of ours must not."""

    context: BrowserContext
    origin: str
    foreign: list[str] = field(default_factory=list)
    """Requests to other origins."""
    errors: list[str] = field(default_factory=list)
    """Uncaught errors, and what was written to the console as one."""

    def open(self, path: str = "/ui") -> Page:
        """A page of the dashboard, whole."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        page.goto(self.origin + path, wait_until="load")
        return page

    def sign_in(self) -> Page:
        """As ada."""
        page = self.open("/ui/sign-in")
        page.fill("#key", TOKEN)
        page.fill("#name", "ada")
        page.click("text=Sign in")
        page.wait_for_url("**/ui")
        return page

    def note(self, request: Request) -> None:
        """Whatever is asked for, by whomever."""
        if not request.url.startswith((self.origin + "/", "data:")):
            self.foreign.append(request.url)


def program() -> str | None:
    """The Chromium that is installed here."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out, aloud, what needs a browser where there is none."""
    if program() is not None:
        return
    without = [item for item in items if item.get_closest_marker("browser")]
    items[:] = [item for item in items if item not in without]
    config.hook.pytest_deselected(items=without)
    if without and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(
                f"\n{len(without)} browser tests deselected: chromium is not installed here", file=sys.stderr
            )


@pytest.fixture(scope="session")
def stage(
    servers: Servers, postgres_admin: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """One gateway for all tests here, with something of everything on its record."""
    folder = tmp_path_factory.mktemp("gateway")
    with set_up(servers, postgres_admin, folder, "test_browser") as made:
        yield made


@contextmanager
def set_up(servers: Servers, postgres_admin: psycopg.Connection, folder: Path, name: str) -> Iterator[Stage]:
    """A gateway on a record of its own, of this name."""
    postgres_admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    url = servers.postgres_url.rpartition("/")[0] + f"/{name}"
    try:
        with ThreadPoolExecutor(1) as beside:  # Playwright has a loop in this thread
            scene = beside.submit(lambda: asyncio.run(play(url))).result()
        with serving(url, folder) as origin:
            pictures = Path(os.environ.get("SCREENSHOTS") or folder / "pictures")
            pictures.mkdir(parents=True, exist_ok=True)
            yield Stage(origin, url, scene, pictures)
    finally:
        postgres_admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def serving(url: str, folder: Path) -> Iterator[str]:
    """A gateway on this record; where it is."""
    environment = os.environ | {"LANDSCAPE_POSTGRES_URL": url, "LANDSCAPE_TOKEN": TOKEN}
    command = [sys.executable, "-m", "uvicorn", "--factory", "services.gateway.app:create_app", "--port", "0"]
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        log = folder / "log"
        wait_until(lambda: "running on http" in log.read_text(), what=log.read_text)
        origin = "http" + log.read_text().partition("running on http")[2].split()[0]
        yield origin
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's; Playwright brings none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program(), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


def watch(stage: Stage, chromium: Browser, **options: Any) -> Watched:
    """A context with nothing in it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
    context.set_default_timeout(PATIENCE_MS)
    if options.get("java_script_enabled", True):
        context.add_init_script(_COUNT_VIOLATIONS)
        context.add_init_script(AXE_SCRIPT)
    watched = Watched(context, stage.origin)
    context.on("request", watched.note)
    return watched


@pytest.fixture(scope="session")
def scripted(stage: Stage, chromium: Browser) -> Iterator[Watched]:
    """Signed in once for all."""
    made = watch(stage, chromium)
    made.sign_in().close()
    yield made
    made.context.close()


@pytest.fixture
def watched(scripted: Watched) -> Iterator[Watched]:
    """Signed in, with scripts; what it did before is forgotten."""
    scripted.foreign.clear()
    scripted.errors.clear()
    yield scripted
    for page in scripted.context.pages:
        page.close()


@pytest.fixture
def stranger(stage: Stage, chromium: Browser) -> Iterator[Watched]:
    """Not signed in, with scripts."""
    made = watch(stage, chromium)
    yield made
    made.context.close()


@pytest.fixture
def plain(stage: Stage, chromium: Browser) -> Iterator[Watched]:
    """Signed in, without scripts."""
    made = watch(stage, chromium, java_script_enabled=False)
    made.sign_in().close()
    yield made
    made.context.close()
