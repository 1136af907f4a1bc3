"""Every screen of an installation in which nothing has happened yet."""

from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Stage, Watched, serving, watch
from tests.browser.test_screens import look
from tests.conftest import TEMPLATE, Servers
from tests.gateway.operator import SCREENS

pytestmark = [pytest.mark.browser, pytest.mark.alone]


@pytest.fixture(scope="module")
def newly_installed(
    servers: Servers,
    postgres_admin: psycopg.Connection,
    stage: Stage,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watched]:
    """Signed in to a gateway with an empty record."""
    postgres_admin.execute(f"CREATE DATABASE test_empty TEMPLATE {TEMPLATE}")
    url = servers.postgres_url.rpartition("/")[0] + "/test_empty"
    try:
        with serving(url, tmp_path_factory.mktemp("empty")) as origin:
            watched = watch(Stage(origin, url, stage.scene, stage.pictures), chromium)
            watched.sign_in().close()
            yield watched
            watched.context.close()
    finally:
        postgres_admin.execute("DROP DATABASE test_empty WITH (FORCE)")


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_without_anything_is_whole(screen: str, stage: Stage, newly_installed: Watched) -> None:
    """Accessible, within its width, without an error, and it says what there is to do."""
    page = newly_installed.open(f"/ui{screen}")
    assert look(page, stage, f"empty{screen.replace('/', '-') or '-home'}") == {}
    assert newly_installed.errors == []
    page.close()
