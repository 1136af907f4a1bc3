"""What is asked about a page: one question per persona and dimension, and the strict schema of the answer."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

from shared.domain.start import DEFAULT_MODEL, JOURNEY_PHASES, Company, Dimension, Persona

#: Raised with every change of the schema or of what its words mean.
SCHEMA_VERSION = "1"
#: Dimension that is asked where no persona is configured.
MARKET_RELEVANCE = "market_relevance"
#: Answer to the phase of the purchase where it is none of those configured.
NO_PHASE = "none"
#: Entries of the lists in an answer.
SIGNALS, TOPICS, MENTIONS = 3, 5, 20
#: Bounds of scores and confidence.
LOWEST, HIGHEST = 0, 10

PageType = Literal[
    "homepage", "product", "solution", "pricing", "comparison", "case_study", "guide", "article", "news", "research",
    "event", "documentation", "forum", "directory", "about", "other",
]  # fmt: skip
SourceType = Literal[
    "OWNED", "COMPETITOR", "PREMIUM_PUBLISHER", "PROFESSIONAL_BODY", "EDUCATION", "GOVERNMENT", "NON_PROFIT",
    "SOCIAL_MEDIA", "OTHER",
]  # fmt: skip
Sentiment = Literal["positive", "neutral", "negative", "mixed"]
MentionKind = Literal["brand", "competitor", "other"]


class Brief(msgspec.Struct, frozen=True):
    """What of a pipeline's configuration an analysis depends on, with the defaults that the configuration omits."""

    model: str = DEFAULT_MODEL
    company: Company | None = None
    competitors: tuple[Company, ...] = ()
    personas: tuple[Persona, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    journey_phases: tuple[str, ...] = JOURNEY_PHASES


def brief(context: Mapping[str, Any]) -> Brief:
    """The brief in an item's context."""
    return msgspec.convert({name: value for name, value in context.items() if value is not None}, Brief)


def labels(asked: Brief) -> dict[str, str]:
    """Name of a question in the answer -> its dimension in the result. Names of users are no names of properties."""
    dimensions = [f"persona:{persona.name}" for persona in asked.personas] or [MARKET_RELEVANCE]
    dimensions += [f"dimension:{dimension.name}" for dimension in asked.dimensions]
    return {f"d{number}": dimension for number, dimension in enumerate(dimensions, 1)}


def phases(asked: Brief) -> tuple[str, ...]:
    """What the answer may name as the phase of the purchase."""
    return tuple(dict.fromkeys((*asked.journey_phases, NO_PHASE)))


def response_format(asked: Brief) -> dict[str, Any]:
    """Value of the request's parameter of that name. Quotes come before the scores that rest on them."""
    schema = _object(
        scores=_object(**{name: {"$ref": "#/$defs/score"} for name in labels(asked)}),
        page_type=_one_of(get_args(PageType)),
        source_type=_one_of(get_args(SourceType)),
        journey_phase=_one_of(phases(asked)),
        sentiment=_one_of(get_args(Sentiment)),
        topics=_texts(TOPICS, at_least=TOPICS),
        insights=_TEXT,
        mentions={"type": "array", "maxItems": MENTIONS, "items": {"$ref": "#/$defs/mention"}},
    )
    schema["$defs"] = {
        "score": _object(
            evidence=_TEXT,
            score=_GRADE,
            confidence=_GRADE,
            signals=_texts(SIGNALS),
            positive=_texts(SIGNALS),
            negative=_texts(SIGNALS),
        ),
        "mention": _object(
            entity=_TEXT,
            kind=_one_of(get_args(MentionKind)),
            sentiment=_one_of(get_args(Sentiment)),
            context=_TEXT,
        ),
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "page_analysis", "strict": True, "schema": schema},
    }


_TEXT = {"type": "string"}
_GRADE = {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST}


def _one_of(values: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def _texts(at_most: int, at_least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": _TEXT, "minItems": at_least, "maxItems": at_most}


def _object(**properties: Any) -> dict[str, Any]:
    """Strict output takes objects of this form only."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
