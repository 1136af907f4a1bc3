"""Who spoilt a call that served several items, or holds it up: those fail or wait, the others are handled again. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.gate import GateShut
from shared.domain.item import Item
from shared.errors import ProviderError

#: Calls a search for culprits may take, as a multiple of what one culprit takes at most.
CULPRITS = 3


@dataclass(slots=True)
class Patience:
    """Calls that may still be made to find out who spoilt a call of so many items."""

    left: int

    @classmethod
    def of(cls, items: int) -> "Patience":
        """Enough for a few culprits. A request that is wrong as a whole must not be tried item by item."""
        return cls(CULPRITS * 2 * math.ceil(math.log2(items)) if items > 1 else 0)


@dataclass(frozen=True, slots=True)
class Blame:
    """What to do with the items of a refused call."""

    refused: Sequence[Item] = ()
    again: Sequence[Sequence[Item]] = field(default=())
    """Each to be handled by itself."""


def blame(items: Sequence[Item], error: ProviderError, patience: Patience) -> Blame:
    """By the provider's own word, else by halves; all of them when patience is at its end."""
    culprits = [item for item in items if item.key in error.culprits]
    parts: list[Sequence[Item]]
    if 0 < len(culprits) < len(items):
        parts = [[item for item in items if item.key not in error.culprits]]
    else:
        culprits = []
        parts = [items[: len(items) // 2], items[len(items) // 2 :]]
    if len(items) == 1 or patience.left < len(parts):
        return Blame(refused=items)
    patience.left -= len(parts)
    return Blame(culprits, parts)


def held_up(items: Sequence[Item], shut: GateShut, patience: Patience) -> Blame:
    """Those the gate names wait, and the others go on without them; where it names none, all wait.

    Names that are no item's, as those of a second call, are divided as `blame` does.
    """
    named = [item for item in items if item.key in shut.subjects]
    if 0 < len(named) < len(items):
        return Blame(named, [[item for item in items if item.key not in shut.subjects]])
    parts = [items[: len(items) // 2], items[len(items) // 2 :]]
    if named or not shut.subjects or len(items) == 1 or patience.left < len(parts):
        return Blame(items)
    patience.left -= len(parts)
    return Blame((), parts)
