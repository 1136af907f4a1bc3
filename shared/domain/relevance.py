"""Relevance of analysed pages: how well they speak to the personas of a pipeline."""

import math
from collections.abc import Iterable
from typing import Final

from shared.domain.report_rows import AnalysisRow
from shared.domain.start import Persona

#: Scores run from 0 to this.
FULL_SCORE: Final = 10
#: Dimensions of personas begin like this; without personas one dimension stands for all of them.
_PERSONA, _MARKET = "persona:", "market_relevance"


def relevances(analyses: Iterable[AnalysisRow], personas: tuple[Persona, ...]) -> dict[str, float]:
    """Relevance in [0, 1] by page key: the mean of the valid scores; pages without any are not in it."""
    found = {}
    for row in analyses:
        scores = [
            score
            for dimension, score in row.scores.items()
            if (dimension.startswith(_PERSONA) if personas else dimension == _MARKET)
            and score is not None
            and 0 <= score <= FULL_SCORE
        ]
        if scores:
            found[row.page] = math.fsum(scores) / len(scores) / FULL_SCORE
    return found
