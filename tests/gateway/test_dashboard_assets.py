"""What is vendored is what was published, and all of it comes from here."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest

from services.gateway.dashboard.assets import ASSETS, FOLDER
from tests.gateway.operator import Operator

pytestmark = pytest.mark.anyio

#: Compressed bytes of all scripts and styles together.
ALL_BYTES = 50 * 1024
OURS = {"dashboard.css", "dashboard.js", "icon.svg", "SHA256SUMS"}


def test_vendored_files_are_as_published() -> None:
    """Each has a checksum, and a licence beside it."""
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}

    assert sums.keys() == {path.name for path in FOLDER.iterdir()} - OURS
    assert {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in sums} == sums
    assert {"LICENSE.htmx.txt", "LICENSE.uPlot.txt"} <= sums.keys()


def test_scripts_and_styles_are_small() -> None:
    """As they go over the wire."""
    assert sum(len(gzip.compress(asset.content, 6)) for asset in ASSETS.values()) <= ALL_BYTES


@pytest.mark.parametrize("name", ASSETS)
async def test_a_file_may_be_kept_for_ever(operator: Operator, name: str) -> None:
    """Its address changes with its content; without a session, for the sign-in page needs it."""
    operator.client.cookies.clear()
    answer = await operator.client.get(ASSETS[name].address)

    assert answer.content == ASSETS[name].content
    assert "immutable" in answer.headers["cache-control"]


def test_templates_hold_no_script_and_no_style() -> None:
    """The policy would stop them: neither elements nor attributes."""
    for path in Path(FOLDER.parent / "templates").glob("*.html"):
        text = path.read_text()
        assert (
            re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|https?://", text)
            == []
        ), path


async def test_an_unknown_file_is_not_there(operator: Operator) -> None:
    """Nothing but what was loaded at the start is served."""
    for name in ("nothing.js", "SHA256SUMS", "..%2Frouter.py"):
        await operator.see(f"/ui/static/{name}", 404)
