"""From the start screen's fields to the body that starts a pipeline, and from what is wrong with it back to the fields."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from litestar.datastructures import FormMultiDict, UploadFile

from services.gateway.dashboard import keyword_table
from services.gateway.dashboard.action import number
from services.gateway.dashboard.keyword_table import FAULTS, MEANINGS, Fault, Table

#: Regions that are offered by name; any other is typed.
OFFERED: Final = {
    "US": "United States", "GB": "United Kingdom", "DE": "Germany", "FR": "France", "SA": "Saudi Arabia",
    "VN": "Vietnam",
}  # fmt: skip
#: Fields of one line each, and what they hold before anybody has typed.
PLAIN: Final = (
    "other_regions",
    "company_name",
    "company_domains",
    "competitors",
    "personas",
    "budget",
    "priority",
)
#: Beginnings of JSON pointers, and the field that a problem there belongs to.
_FIELDS: Final = {
    "/keywords": "keywords", "/regions": "regions", "/content_types": "types", "/company/name": "company_name",
    "/company": "company_domains", "/competitors": "competitors", "/personas": "personas", "/config/budget": "budget",
}  # fmt: skip


class Draft(msgspec.Struct):
    """What somebody has filled in so far."""

    text: str = ""
    """Keywords, as pasted or read from the file."""
    table: Table = Table([], [])
    mapping: dict[str, int] = {}
    """Meaning -> column, for a table with a header."""
    regions: list[str] = []
    types: list[str] = []
    plain: dict[str, str] = msgspec.field(default_factory=lambda: dict.fromkeys(PLAIN, ""))
    faults: list[Fault] = []
    """Broken rows; none of them is left out in silence."""
    problems: dict[str, list[str]] = {}
    """By field; under an empty name what belongs to none."""
    body: dict[str, Any] = {}

    @property
    def is_sound(self) -> bool:
        """Nothing is known to be wrong."""
        return not self.faults and not any(self.problems.values())

    def add_problems(self, found: Iterable[tuple[str, str]]) -> None:
        """Pointer and detail of what the API finds wrong, at the row or field it belongs to."""
        for pointer, detail in found:
            parts = pointer.split("/")
            if parts[1:2] == ["keywords"] and len(parts) > 2 and int(parts[2]) < len(self.table.rows):
                self.faults.append(Fault(self.table.rows[int(parts[2])][0], detail))
                continue
            field = next((name for begin, name in _FIELDS.items() if pointer.startswith(begin)), "")
            self.problems.setdefault(field, []).append(detail if field else f"{pointer} {detail}".strip())


async def read(form: FormMultiDict) -> Draft:
    """A draft from the fields, with its broken rows."""
    given: Mapping[str, str] = {name: value for name, value in form.items() if isinstance(value, str)}
    draft = Draft(
        text=given.get("keywords", ""),
        regions=[code for code in form.getall("regions", []) if isinstance(code, str)],
        types=[kind for kind in form.getall("types", []) if isinstance(kind, str)],
        plain={name: given.get(name, "").strip() for name in PLAIN},
        problems={},
        faults=[],
    )
    file = form.get("file")
    if isinstance(file, UploadFile) and (content := await file.read()):
        text = keyword_table.decode(content)
        if isinstance(text, Fault):
            draft.faults.append(text)
            return draft
        draft.text = text
    draft.table = keyword_table.read(draft.text)
    draft.mapping = _mapping(given, draft.table)
    keywords, broken = keyword_table.keywords(draft.table, draft.mapping)
    draft.faults = broken[:FAULTS]
    if len(broken) > FAULTS:
        draft.faults.append(
            Fault(broken[FAULTS].line, f"and {len(broken) - FAULTS:,} more broken rows from here on")
        )
    draft.body = _body(draft, keywords)
    return draft


def _mapping(given: Mapping[str, str], table: Table) -> dict[str, int]:
    """As chosen for this table, else as its header tells."""
    if given.get("columns") != "\t".join(table.header) or not table.header:
        return table.guess()
    chosen = {meaning: given.get(f"column_{meaning}", "") for meaning in MEANINGS}
    return {
        meaning: int(column)
        for meaning, column in chosen.items()
        if column.isdecimal() and int(column) < len(table.header)
    }


def _body(draft: Draft, keywords: list[Any]) -> dict[str, Any]:
    plain = draft.plain
    body: dict[str, Any] = {
        "keywords": keywords,
        "regions": [*draft.regions, *_words(plain["other_regions"])],
        "content_types": draft.types,
    }
    if plain["company_name"] or plain["company_domains"]:
        body["company"] = {"name": plain["company_name"], "domains": _words(plain["company_domains"])}
    if competitors := keyword_table.lines(plain["competitors"]):
        body["competitors"] = [_company(line) for line in competitors]
    if personas := keyword_table.lines(plain["personas"]):
        body["personas"] = [_persona(line) for line in personas]
    config: dict[str, Any] = {}
    if plain["budget"]:
        config["budget"] = number(plain["budget"])
    if plain["priority"]:
        config["priority"] = plain["priority"]
    return body | ({"config": config} if config else {})


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]


def _company(line: str) -> dict[str, Any]:
    name, _, domains = line.partition("=")
    return {"name": name.strip(), "domains": _words(domains)}


def _persona(line: str) -> dict[str, str]:
    name, _, description = line.partition(":")
    return {"name": name.strip(), "description": description.strip()}
