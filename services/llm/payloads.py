"""Chat completions as they come, and the part of them that is stored."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.llm.schema import (
    HIGHEST,
    LOWEST,
    MENTIONS,
    SIGNALS,
    TOPICS,
    MentionKind,
    PageType,
    Sentiment,
    SourceType,
)
from shared.errors import AnswerError

#: Tokens of one answer at most, by far: beyond, it is no count.
_MOST_TOKENS = 10**9
#: No analysis is longer. Characters.
CONTENT_LENGTH = 1_000_000
#: Names of models, fingerprints and tiers; what is kept of a refusal. Characters.
_NAME, _REFUSAL = 100, 500

_Tokens = Annotated[int, Meta(ge=0, le=_MOST_TOKENS)]
_Grade = Annotated[float, Meta(ge=LOWEST, le=HIGHEST)]
_Signals = Annotated[tuple[str, ...], Meta(max_length=SIGNALS)]


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model says to one question."""

    evidence: str
    score: _Grade
    confidence: _Grade
    signals: _Signals
    positive: _Signals
    negative: _Signals


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A company or product the model found."""

    entity: str
    kind: MentionKind
    sentiment: Sentiment
    context: str


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An analysis as the schema asks for it."""

    scores: dict[str, Judgement]
    """By the names of the questions."""
    page_type: PageType
    source_type: SourceType
    journey_phase: str
    sentiment: Sentiment
    topics: Annotated[tuple[str, ...], Meta(min_length=TOPICS, max_length=TOPICS)]
    insights: str
    mentions: Annotated[tuple[Named, ...], Meta(max_length=MENTIONS)]


class Analysis(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored answer: what was said as it was said, and what it was charged for."""

    model: str
    tokens: int
    """Charged: prompt and completion."""
    prompt_tokens: int
    completion_tokens: int
    content: Content | None = None
    """None: refused or filtered."""
    degraded: Literal["", "refused", "filtered"] = ""
    refusal: str = ""
    cached_tokens: int = 0
    """Of the prompt's."""
    reasoning_tokens: int = 0
    """Of the completion's."""
    system_fingerprint: str = ""
    service_tier: str = ""


class _PromptDetails(msgspec.Struct):
    cached_tokens: _Tokens | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: _Tokens | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Tokens
    completion_tokens: _Tokens
    total_tokens: _Tokens
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None


class _Completion(msgspec.Struct):
    object: Literal["chat.completion"]
    model: str
    choices: Annotated[list[_Choice], Meta(min_length=1, max_length=1)]
    usage: _Usage
    system_fingerprint: str | None = None
    service_tier: str | None = None


def read(body: bytes, questions: Collection[str], phases: Collection[str]) -> Analysis:
    """The analysis in a completion, with an answer to each of the questions.

    Raises AnswerError with what was charged: `truncated` for one that broke off, `malformed` for one that does
    not keep to the schema.
    """
    completion = msgspec.json.decode(body, type=_Completion)
    usage, (choice,) = completion.usage, completion.choices
    units = float(usage.total_tokens)
    degraded: Literal["", "refused", "filtered"] = ""
    content: Content | None = None
    if choice.message.refusal:
        degraded = "refused"
    elif choice.finish_reason == "content_filter":
        degraded = "filtered"
    elif choice.finish_reason == "length":
        text = f"the answer broke off after {usage.completion_tokens} tokens"
        raise AnswerError(text, codes=("truncated",), units=units)
    elif choice.finish_reason != "stop":
        text = f"the answer ended with {str(choice.finish_reason)[:_NAME]!r}"
        raise AnswerError(text, codes=("malformed",), units=units)
    else:
        content = _content(choice.message.content or "", questions, phases, units)
    prompt, written = usage.prompt_tokens_details, usage.completion_tokens_details
    return Analysis(
        model=completion.model[:_NAME],
        tokens=usage.total_tokens,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        content=content,
        degraded=degraded,
        refusal=(choice.message.refusal or "")[:_REFUSAL],
        cached_tokens=(prompt.cached_tokens if prompt else None) or 0,
        reasoning_tokens=(written.reasoning_tokens if written else None) or 0,
        system_fingerprint=(completion.system_fingerprint or "")[:_NAME],
        service_tier=(completion.service_tier or "")[:_NAME],
    )


def cost(answers: Mapping[str, Analysis]) -> float:
    """Tokens charged."""
    return float(sum(analysis.tokens for analysis in answers.values()))


def _content(text: str, questions: Collection[str], phases: Collection[str], units: float) -> Content:
    try:
        # Half of an analysis is none: one that is too long is refused by cutting it.
        content = msgspec.json.decode(text[:CONTENT_LENGTH], type=Content)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = f"the content does not keep to the schema: {error}"
        raise AnswerError(reason, codes=("malformed",), units=units) from None
    if set(content.scores) != set(questions):
        reason = f"{len(questions)} questions were asked, {len(content.scores)} or other ones answered"
        raise AnswerError(reason, codes=("malformed",), units=units)
    if content.journey_phase not in phases:
        reason = f"{content.journey_phase[:_NAME]!r} is no phase that was asked for"
        raise AnswerError(reason, codes=("malformed",), units=units)
    return content
