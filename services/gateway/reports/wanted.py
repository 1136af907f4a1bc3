"""A report as it is asked for, by the API or by the command line."""

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from shared.domain.curves import OwnCurve
from shared.domain.report_columns import Table

Form = Literal["json", "html", "csv", "xlsx", "parquet"]
#: Forms of one table; the others have all of them.
OF_ONE_TABLE: Final[frozenset[Form]] = frozenset({"csv", "parquet"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report as it was asked for."""

    form: Form = "json"
    table: Table | None = None
    curve: str | OwnCurve | None = None
    """In place of the pipeline's own."""
    against: UUID | None = None
    """An earlier pipeline, whose changes are told."""
    publish: bool = False
    """Only if it may be published."""
