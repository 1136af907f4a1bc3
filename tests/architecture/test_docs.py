"""What the pages name exists: paths, links, variables, metrics, commands, tests, names in the code."""

import ast
import re
import runpy
import tomllib
from pathlib import Path

import click
import pytest

from services.gateway.cli.group import COMMANDS, LazyGroup, group
from shared import config
from shared.config import PREFIX
from shared.domain.provider import Provider
from tests.architecture import configuration, metrics_reference, pages
from tests.architecture.pages import DECISIONS, PRESENT, ROOT

#: A path of the tree begins with one of these, or is a file of the root.
TOP = re.compile(
    r"(\./)?(shared|services|tests|docs|deploy|\.ci)/\S*|[\w.-]+\.(md|toml|lock|example)|Makefile"
)
VARIABLE = re.compile(r"\bLANDSCAPE_[A-Z0-9_<>]*[A-Z0-9>](?:__(?=…))?")
METRIC = re.compile(r"\blandscape_[a-z_]+[a-z]\b")
MACHINE_PATH = re.compile(r"(?<![\w.…>-])/(home|root|Users|work|tmp|opt|mnt|srv|var|etc)\b")
SOURCE = [
    path for folder in ("shared", "services") for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".sql", ".lua"}
]  # fmt: skip

present = pytest.mark.parametrize("page", PRESENT, ids=lambda page: str(page.relative_to(ROOT)))
every = pytest.mark.parametrize("page", [*PRESENT, *DECISIONS], ids=lambda page: str(page.relative_to(ROOT)))
architecture = ROOT / "docs/architecture.md"


@every
def test_links_lead_somewhere(page: Path) -> None:
    """To a file or folder of the tree, and to a heading that is there."""
    for link in pages.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in pages.anchors(target), link


@every
def test_no_path_of_a_machine(page: Path) -> None:
    """A page holds for every checkout."""
    assert MACHINE_PATH.findall(page.read_text()) == []


@present
def test_paths_exist(page: Path) -> None:
    """Whatever in backticks looks like a path of the tree."""
    named = [text for text in pages.code(page) if TOP.fullmatch(text)]
    assert [path for path in named if not pages.exists(path)] == []


@present
def test_variables_are_settings(page: Path) -> None:
    """Of a process, of the bootstrap, or the beginning of several."""
    known = {f"{PREFIX}{name}" for name in config.names()} | configuration.ELSEWHERE.keys()
    for name in VARIABLE.findall(page.read_text()):
        general = re.sub(r"(?<=PROVIDERS__)(?!<)[A-Z]+(?=__)", "<SERVICE>", name)
        if name.endswith("__"):
            assert any(setting.startswith(general) for setting in known), name
        else:
            assert general in known or general.removesuffix("_FILE") in known, name


@present
def test_metrics_are_exposed(page: Path) -> None:
    """By a worker or by the gateway."""
    declared = {metric.name for metric in metrics_reference.declared()}
    assert set(METRIC.findall(page.read_text())) <= declared | metrics_reference.names()


@present
def test_commands_and_their_options_exist(page: Path) -> None:
    """As the command line itself knows them."""
    assert isinstance(group, LazyGroup)
    context = click.Context(group)
    for name, *words in pages.commands(page):
        assert name in COMMANDS, name
        command = group.get_command(context, name)
        assert command is not None
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        ours = words[: words.index("--")] if "--" in words else words
        assert {word.partition("=")[0] for word in ours if word.startswith("-")} <= known, f"{name} {words}"


@present
def test_tests_that_prove_something_exist(page: Path) -> None:
    """A proof that was renamed proves nothing."""
    there = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)\(", path.read_text())
    }  # fmt: skip
    assert {text for text in pages.code(page) if re.fullmatch(r"test_\w+", text)} <= there


@pytest.mark.parametrize("name", ["architecture", "lifecycle", "glossary", "adding-a-provider"])
def test_names_of_the_code_are_in_the_code(name: str) -> None:
    """Functions, columns, states and settings that a page explains."""
    words = {word for path in SOURCE for word in re.findall(r"\w+", path.read_text())}
    named = [
        text for text in pages.code(ROOT / f"docs/{name}.md")
        if re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", text) and not TOP.fullmatch(text)
    ]  # fmt: skip
    example = {"archive", "provider", "py", "pyproject"}
    assert {part for text in named for part in text.split(".")} - words <= example


def test_every_table_is_explained_and_no_other() -> None:
    """The record's description is complete."""
    created = re.findall(
        r"^CREATE TABLE (\w+)",
        "".join(path.read_text() for path in sorted(ROOT.glob("shared/store/migrations/*.sql"))),
        re.MULTILINE,
    )
    text = architecture.read_text().partition("## The record")[2].partition("\n## ")[0]
    explained = [cells[0].strip("`") for cells in pages.rows(text)[1:]]
    assert sorted(explained) == sorted(created)


def test_every_import_contract_is_listed_and_no_other() -> None:
    """The rules that are checked are the rules that are told."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = [contract["name"] for contract in project["tool"]["importlinter"]["contracts"]]
    text = architecture.read_text().partition("## Who may import whom")[2]
    assert re.findall(r"^- (.+)$", text, re.MULTILINE) == contracts


def test_the_example_provider_works(tmp_path: Path) -> None:
    """Its blocks, one after the other, make a provider of the present port."""
    tree = ast.parse("\n".join(pages.blocks(ROOT / "docs/adding-a-provider.md", "python")))
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):  # what the page itself adds to a module is not there
            node.names = [alias for alias in node.names if alias.name not in defined]
    tree.body = [node for node in tree.body if not isinstance(node, ast.ImportFrom) or node.names]
    module = tmp_path / "example.py"
    module.write_text(ast.unparse(tree))

    names = runpy.run_path(str(module))

    assert isinstance(names["PROVIDER"], Provider)
    assert names["_read"](b'{"ages": {"a.com": "1999-01-01"}}', ["a.com", "b.com"]) == {
        "a.com": names["Age"]("1999-01-01")
    }


def test_make_only_calls_the_one_door() -> None:
    """A second way to check things would drift from the first."""
    recipes = re.findall(r"^\t(.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipes
    assert all(recipe.split()[0] == "./landscape" and recipe.split()[1] in COMMANDS for recipe in recipes)
