"""Whose a block of a results page is: the domains its links lead to.

A block's shape is not documented and may be nested as deeply as it likes, so its links are found by
their looks and not by reading it.
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

from shared.domain import keys

#: A link in JSON text, with the slashes as they are or escaped.
_LINK: Final = re.compile(
    rb'"(?:link|url|source_link)"\s{0,9}:\s{0,9}"(https?:(?:\\?/){2}[^"\\\s]{1,2000}?)["\\]', re.ASCII
)
#: The engine's own links say nothing about anybody.
_ENGINE: Final = re.compile(r"google\.[a-z]{2,3}(\.[a-z]{2})?")
#: Domains kept of a block, and links that are looked at.
MOST_DOMAINS: Final = 20
_MOST_LINKS: Final = 100


def domains(block: bytes) -> tuple[str, ...]:
    """Registrable domains of the block's links, in its order, each once."""
    links = islice(_LINK.finditer(block), _MOST_LINKS)
    return registrable(link[1].replace(b"\\/", b"/").decode("utf-8", "replace") for link in links)


def registrable(links: Iterable[str]) -> tuple[str, ...]:
    """Registrable domains of these links, each once; what has no host and what is the engine's own is left out."""
    found: dict[str, None] = {}
    for link in links:
        try:
            domain = keys.registrable_domain(link)
        except ValueError:
            continue
        if not _ENGINE.fullmatch(domain):
            found[domain] = None
            if len(found) == MOST_DOMAINS:
                break
    return tuple(found)
