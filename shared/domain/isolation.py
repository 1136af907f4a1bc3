"""Which items may have killed their worker, and in what company they are tried again. Pure."""

import math
from dataclasses import dataclass

#: One death of a worker says little about its items: most are deployments, restarts and kills.
INNOCENT_CRASHES = 1
#: A job of suspects that dies again is cut into so many. Two make as many calls and twice the crashes, and a
#: crash is the dearer of both: it is noticed when a lease runs out, and its calls are in doubt.
PARTS = 4


@dataclass(frozen=True, slots=True)
class Died:
    """A job whose worker died or hung."""

    chunk: int
    """What its items' chunk was, 0 unless they were suspects already."""
    items: int
    """Those it had not accounted for."""
    crashes: int
    """Of the item among them that has died most often, this time included."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What becomes of the items of such a job, of all of them alike."""

    chunk: int
    """Items of the next job each of them may be in, which then has its worker to itself; 0: no suspects."""
    given_up: bool


def sentence(died: Died, crash_limit: int) -> Sentence:
    """First together as before, then as they were but by themselves, then in ever smaller parts.

    Given up is nobody who had company: it may have been the other.
    """
    if died.chunk:
        chunk = math.ceil(died.items / PARTS)
    else:
        chunk = died.items if died.crashes > INNOCENT_CRASHES else 0
    return Sentence(chunk, given_up=died.items == 1 and died.crashes >= crash_limit)
