"""The pages about settings say what the code reads."""

import re
from pathlib import Path

import pytest

from services.gateway.standalone.services import discover
from shared import config
from shared.config import PREFIX, Provider, Settings
from tests.architecture import configuration

VARIABLE = re.compile(r"\bLANDSCAPE_[A-Z0-9_<>]+[A-Z0-9>]")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (configuration.REFERENCE, configuration.reference()),
        (configuration.EXAMPLE, configuration.example()),
    ],
    ids=["reference", "example"],
)
def test_generated_page_is_up_to_date(path: Path, content: str) -> None:
    """Made anew by `python -m tests.architecture.configuration`."""
    assert path.read_text() == content


def test_every_setting_is_on_the_page_once() -> None:
    """The page is made from the source text; the code's own list must be the same."""
    listed = [
        f"{prefix}{setting.name}"
        for _, _, prefix, settings in configuration.variables()
        for setting in settings
    ]
    assert sorted(listed) == sorted(f"{PREFIX}{name}" for name in config.names())


def test_every_setting_says_what_it_means() -> None:
    """A docstring under each field is all the documentation there is."""
    silent = [
        setting.name
        for _, _, _, settings in configuration.variables()
        for setting in settings
        if not setting.meaning
    ]
    assert silent == []


def test_defaults_of_the_example_are_settings() -> None:
    """Whoever removes every # starts with exactly the defaults, but for what is empty."""
    lines = re.findall(r"^#(LANDSCAPE_\w+)=(.+)$", configuration.EXAMPLE.read_text(), re.MULTILINE)
    assert config.load(dict(lines)) == Settings(providers={service: Provider() for service in discover()})


@pytest.mark.parametrize("name", configuration.ELSEWHERE)
def test_variable_read_elsewhere_is_read_there(name: str) -> None:
    """By the program the page names."""
    reader, _ = configuration.ELSEWHERE[name]
    assert name in VARIABLE.findall((configuration.ROOT / reader).read_text())
