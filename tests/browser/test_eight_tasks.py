"""What somebody new must find by themselves, without source or SQL: eight tasks, each within two clicks of home."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import openpyxl
import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Stage, Watched, set_up, watch
from tests.conftest import Servers

pytestmark = [pytest.mark.browser, pytest.mark.alone]

#: Of links and buttons, the one that confirms included; what is typed, ticked or chosen is no click.
FEW: Final = 2
BROKEN: Final = "Keyword;Group;Brand\nsolar roof;energy;no\n;energy;no\nwall box;energy;maybe\n"
MENDED: Final = "Keyword;Group;Brand\nsolar roof;energy;no\nwall box;energy;no\n"


@dataclass
class Newcomer:
    """Somebody at home, whose clicks are counted."""

    page: Page
    stage: Stage
    clicks: int = 0

    def click(self, name: str, within: str = "main") -> None:
        """A link or a button by what it says, in the first part of the page that has this text."""
        self.clicks += 1
        self.page.locator(within).locator(f'a:text-is("{name}"), button:text-is("{name}")').first.click()

    def arrived(self, task: str) -> None:
        """It was done with few clicks; a picture of where it ended is kept."""
        self.page.screenshot(path=self.stage.pictures / f"task-{task}.png")
        assert self.clicks <= FEW


@pytest.fixture(scope="module")
def signed_in(
    servers: Servers,
    postgres_admin: psycopg.Connection,
    tmp_path_factory: pytest.TempPathFactory,
    chromium: Browser,
) -> Iterator[tuple[Stage, Watched]]:
    """On a record of their own, for they change it."""
    folder = tmp_path_factory.mktemp("tasks")
    with set_up(servers, postgres_admin, folder, "test_tasks") as stage:
        watched = watch(stage, chromium, reduced_motion="reduce")
        watched.sign_in().close()
        yield stage, watched
        watched.context.close()


@pytest.fixture
def newcomer(signed_in: tuple[Stage, Watched]) -> Iterator[Newcomer]:
    """At home."""
    stage, watched = signed_in
    page = watched.open("/ui")
    yield Newcomer(page, stage)
    page.close()
    assert watched.errors == []


def row(text: str) -> str:
    """The row of a table that has this text."""
    return f'tr:has-text("{text}")'


def test_why_is_this_stuck(newcomer: Newcomer) -> None:
    """The pipeline's page begins with it."""
    paused = str(newcomer.stage.scene.paused)[-8:]
    newcomer.click(paused)
    why = newcomer.page.locator("section:has(#why)")
    expect(why).to_contain_text("grace: wait for the new contract")
    expect(why).to_contain_text("To do: unpause it")
    newcomer.arrived("1-why")


def test_replay_the_dead_letters_of_one_cause(newcomer: Newcomer) -> None:
    """Home lists the causes; the page that confirms it says how many letters there are."""
    newcomer.click("Replay…", row("no answer within"))
    expect(newcomer.page.locator("main")).to_contain_text("4 dead letters are selected.")
    newcomer.click("Replay dead letters")
    expect(newcomer.page.locator("#notice")).to_have_text("4 dead letters replayed.")
    newcomer.arrived("2-replay")


def test_raise_the_budget(newcomer: Newcomer) -> None:
    """From the pipeline's row."""
    newcomer.click("Budget…", row(str(newcomer.stage.scene.running)[-8:]))
    newcomer.page.fill("#budget", "50")
    newcomer.click("Set the budget")
    expect(newcomer.page.locator("#notice")).to_have_text("The budget is 50.00.")
    newcomer.arrived("3-budget")


def test_pause_a_provider(newcomer: Newcomer) -> None:
    """From its card; the card then says so, and offers to undo it."""
    card = 'li:has(h3:has-text("llm"))'
    newcomer.click("Pause…", card)
    newcomer.page.fill("#reason", "their maintenance")
    newcomer.click("Pause the provider")
    expect(newcomer.page.locator(card)).to_contain_text("Unpause")
    newcomer.arrived("4-provider")


def test_find_a_companys_pages(newcomer: Newcomer) -> None:
    """In the report, unfolded."""
    newcomer.click("Results", row("Acme"))
    newcomer.click("Pages of Acme")
    client = newcomer.page.locator("#client")
    expect(client).to_contain_text("acme.com/a")
    expect(client).to_be_in_viewport()
    newcomer.arrived("5-pages")


def test_export(newcomer: Newcomer) -> None:
    """A workbook that opens."""
    newcomer.click("Results", row("Acme"))
    newcomer.arrived("6-export")
    with newcomer.page.expect_download() as download:
        newcomer.click("Excel")
    assert newcomer.clicks <= FEW
    assert download.value.suggested_filename == "report.xlsx"
    workbook = openpyxl.load_workbook(BytesIO(download.value.path().read_bytes()), read_only=True)
    assert "Company Rankings" in workbook.sheetnames


def test_compare_two_months(newcomer: Newcomer) -> None:
    """The earlier ones of the same company are offered first."""
    newcomer.click("Results", row(str(newcomer.stage.scene.completed)[-8:]))
    newcomer.click("Compare", row(str(newcomer.stage.scene.earlier)[-8:]))
    movers = newcomer.page.locator("#movers")
    expect(movers).to_contain_text("Acme")
    expect(movers).to_be_in_viewport()
    newcomer.arrived("7-compare")


def test_start_from_a_csv_with_a_broken_row(newcomer: Newcomer) -> None:
    """Chosen at home, it is read at once: every broken row is told; mended, checked and started."""
    page = newcomer.page
    page.set_input_files("#file", {"name": "k.csv", "mimeType": "text/csv", "buffer": BROKEN.encode()})
    alert = page.locator("main [role=alert]").first
    expect(alert).to_contain_text("line 3: the keyword is blank")
    expect(alert).to_contain_text("line 4: brand is 'maybe'; expected yes or no")
    page.screenshot(path=newcomer.stage.pictures / "task-8-broken.png")
    page.fill("#keywords", MENDED)
    page.check("text=Germany")
    newcomer.click("Check it")
    newcomer.click("Start it")
    expect(page.locator("#notice")).to_contain_text("Started: 6 searches.")
    newcomer.arrived("8-started")
