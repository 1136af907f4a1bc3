"""What a vendor without a published package documents, from the file of that name beside this one."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.contract.vendors import shape


class Documented:
    """A vendor's tables."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self._tables = tables

    def __getitem__(self, name: str) -> Any:
        """The table of that name."""
        return self._tables[name]

    def misfits(self, value: Any, name: str) -> list[str]:
        """What of the value is not documented for the shape of that name."""
        return shape.misfits(value, f"@{name}", self["shapes"])

    def mismatch(self, answer: httpx.Response, situation: str) -> list[str]:
        """In what the answer differs from the one documented for that situation; empty when in nothing."""
        row = self["situations"][situation]
        found = [f"status {answer.status_code} instead of {row['status']}"] * (
            answer.status_code != row["status"]
        )
        found += [f"no header {name}" for name in row.get("headers", []) if name not in answer.headers]
        text = row.get("text", "")
        found += [f"{text!r} is not in it"] * (text not in answer.text)
        return found + (self.misfits(answer.json(), row["shape"]) if "shape" in row else [])


def documented(vendor: str) -> Documented:
    """The tables of a vendor."""
    return Documented(json.loads((Path(__file__).parent / f"{vendor}.json").read_text()))
