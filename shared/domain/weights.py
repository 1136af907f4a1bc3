"""How much each search counts: as often as it is made, or all alike while no volume is known."""

from collections.abc import Iterable

from shared.domain import keys
from shared.domain.report_rows import VolumeRow


class Weights:
    """Weights of searches by keyword and region, in whole numbers."""

    def __init__(self, volumes: Iterable[VolumeRow]) -> None:
        known = list(volumes)
        self._volumes = {(row.keyword, row.region): row.volume for row in known}
        self._prices = {(row.keyword, row.region): row.price for row in known}
        self.equal = all(volume is None for volume in self._volumes.values())
        """Whether every search weighs 1, because no volume is known at all."""

    def volume(self, keyword: str, region: str) -> int | None:
        """Average monthly searches of a keyword in any spelling. None: unknown."""
        return self._volumes.get((keys.keyword_key(keyword), region))

    def price(self, keyword: str, region: str) -> int | None:
        """Of a click, in millionths of the account's currency. None: unknown."""
        return self._prices.get((keys.keyword_key(keyword), region))

    def weight(self, keyword: str, region: str) -> int | None:
        """Of each search of the keyword in the region, whatever its content type. None: unknown, so left out."""
        return 1 if self.equal else self.volume(keyword, region)
