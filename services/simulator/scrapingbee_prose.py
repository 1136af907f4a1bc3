"""Articles as companies publish them: headline, sections and sentences that name topics and companies."""

from datetime import date
from itertools import cycle
from random import Random
from typing import NamedTuple

from services.simulator.chance import pick
from services.simulator.scale_serp_results import WORLD_HOUR
from services.simulator.sites import PLATFORMS
from services.simulator.vocabulary import ASPECTS, QUESTIONS, TOPICS, name, sentence, title
from services.simulator.world import Page, World

MIN_WORDS, MAX_WORDS = 300, 1250
"""Aimed at; the last section may go beyond by about 250."""
COMPANIES_NAMED = 5
"""Other companies than its own that an article names, at most."""
_NAMELESS_SHARE = 0.1
"""Of articles: no other company is named."""

_AUDIENCES = [
    "Finance directors", "Chief information officers", "Procurement managers", "Heads of marketing",
    "Operations teams", "Owners of small companies", "Data protection officers", "Sales leaders",
]  # fmt: skip
_SENTENCES = [
    "{audience} who look into {topic} usually start with one question: what does it cost us today?",
    "In a survey of {count} companies, {percent} % said that {topic} had become harder to plan.",
    "{company} has published its prices for {topic}, and others are expected to follow.",
    "Compared with {company}, {other} puts more weight on {aspect} and less on support.",
    "We asked {company} for a reference customer and got an answer within two days.",
    "The first version is rarely the one that stays; budget about {percent} % for changes.",
    "{audience} told us that the contract with {company} was signed before the requirements were written.",
    "Nobody needs every feature. A short list of requirements saves weeks of meetings.",
    "A pilot with {count} users shows more than any demonstration.",
    "Since the price change in March, {company} charges per user instead of per location.",
    "“It was the integration that decided it,” says a project lead who moved from {other} to {company}.",
    "The savings appear in the second year: {percent} % less manual work on average.",
    "For {topic}, the most expensive mistake is to choose before the problem is understood.",
    "{other} failed our test twice, {company} once; both vendors have announced corrections.",
    "Regulation differs between countries, so check who is liable before you sign.",
    "There are naïve forecasts in this field: one café chain paid €{count} a month for seats nobody used.",
    "Support in the local language is part of the offer of {company}, but not of every reseller.",
    "Keep an exit plan: ask how your data on {topic} can be exported, and in which format.",
    "{audience} should read the service levels before they read the brochure.",
    "Independent analysts rank {company} above {other}, although the difference is small.",
]  # fmt: skip
_HEADINGS = [
    "Why {topic} becomes a problem", "What the options are", "Requirements worth writing down",
    "How to compare suppliers", "Before you sign", "What it costs", "Common mistakes", "{topic} and {aspect}",
    "A look at the market", "What our readers ask",
]  # fmt: skip


class Article(NamedTuple):
    """A text with everything a page needs around it."""

    title: str
    site: str
    description: str
    author: str
    published: date
    topic: str
    blocks: list[tuple[str, str]]
    """Tag (h2, p, li or blockquote) and text."""


def write(world: World, rng: Random, page: Page) -> Article:
    """The article at a page, `rng` being in the state that belongs to it."""
    topic = next((topic for topic in TOPICS if topic in page.title.lower()), pick(rng, TOPICS))
    writer = _Writer(rng, topic, _companies(world, rng, page.name))
    target = MIN_WORDS + int((MAX_WORDS - MIN_WORDS) * rng.random() ** 2)
    blocks: list[tuple[str, str]] = [("p", page.snippet)]
    words, sections = len(page.snippet.split()), 0
    while words < target:
        section = [("h2", writer.fill(_HEADINGS[sections % len(_HEADINGS)]))]
        section += [("p", writer.paragraph()) for _ in range(2 + int(rng.random() * 2))]
        if rng.random() < 0.3:
            section += [("li", sentence(rng)) for _ in range(3)]
        if rng.random() < 0.15:
            section.append(("blockquote", writer.sentence()))
        if rng.random() < 0.15:
            section.append(("p", f"{pick(rng, QUESTIONS).format(topic)} {pick(rng, world.snippets)}"))
        words += sum(len(text.split()) for _, text in section)
        blocks += section
        sections += 1
    published = date.fromordinal((WORLD_HOUR - page.age_hours) // 24)
    author = f"{name(rng).title()} {name(rng).title()}"
    return Article(page.title, page.name, page.snippet[:155], author, published, topic, blocks)


def unlisted(world: World, rng: Random, host: str, label: str) -> Page:
    """The page at an address that no search leads to."""
    topic = int(rng.random() * len(TOPICS))
    headline = f"{title(int(rng.random() * 256), topic)} | {label}"
    return Page(
        f"https://{host}/", host, label, headline, pick(rng, world.snippets), 1 + int(rng.random() * 20_000)
    )


def _companies(world: World, rng: Random, own: str) -> list[str]:
    if rng.random() < _NAMELESS_SHARE:
        return [own]
    ranked = world.sites[len(PLATFORMS) :]
    count = 1 + int(rng.random() * COMPANIES_NAMED)
    names = [own, *(ranked[int(len(ranked) * rng.random() ** 2.5)].name for _ in range(count))]
    return list(dict.fromkeys(names))


class _Writer:
    """Goes through the sentences in an order of its own, so that none follows itself."""

    def __init__(self, rng: Random, topic: str, companies: list[str]) -> None:
        self._rng, self._topic, self._companies = rng, topic, companies
        self._forms = cycle(rng.sample(_SENTENCES, len(_SENTENCES)))

    def paragraph(self) -> str:
        count = 2 + int(self._rng.random() * 4)
        return " ".join(
            self.sentence() if self._rng.random() < 0.7 else sentence(self._rng) for _ in range(count)
        )

    def sentence(self) -> str:
        return self.fill(next(self._forms))

    def fill(self, form: str) -> str:
        rng = self._rng
        company, other = pick(rng, self._companies), pick(rng, self._companies)
        text = form.format(
            audience=pick(rng, _AUDIENCES),
            topic=self._topic,
            company=company,
            other=other if other != company else "an older vendor",
            aspect=pick(rng, ASPECTS),
            percent=3 + int(rng.random() * 60),
            count=10 * (1 + int(rng.random() * 60)),
        )
        return text[0].upper() + text[1:]
