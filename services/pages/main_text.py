"""The main text of an HTML page without menus, banners and footers, or what stands in its place."""

import logging
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import trafilatura

from shared.domain.phases import FEWEST_WORDS

#: Of a page; the rest is not looked at, for it would cost seconds of computing. Characters; tags, of both kinds.
HTML_LENGTH, TAGS = 2_000_000, 100_000
#: Of a main text that is kept. Characters.
TEXT_LENGTH = 200_000
#: Characters.
TITLE_LENGTH = 500
#: A tag is not longer, unless it holds a picture or means harm: the parser's time grows with the square
#: of a tag's attributes. Characters.
TAG_LENGTH = 20_000
#: A wall has few words. An article may speak of captchas and cookies as it likes.
WALL_WORDS = 100

# What they say about broken pages at every level names the page and helps nobody.
for _name in ("trafilatura", "courlan"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

_OVERLONG = re.compile(rf"<[^<>]{{{TAG_LENGTH},}}>?")
_WORD = re.compile(r"\w\S*")
#: Scripts that write no blanks: Thai to Myanmar, Khmer, kana, Han.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
#: Their words have about so many characters.
_UNSPACED_WORD = 2
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,3}", re.ASCII)
#: Where a page says its title and when it was published, best first.
_TITLES = ('//meta[@property="og:title"]/@content', "//title", "//h1")
_DATES = (
    '//meta[@property="article:published_time" or @itemprop="datePublished" or @name="date"]/@content',
    '//script[@type="application/ld+json"]/text()',
    '//time[@itemprop="datePublished" or @pubdate]/@datetime',
    "//article//time/@datetime",
)
#: A day at the start of an attribute, or as the property of an article's description in JSON.
_DAY = re.compile(r'(?:^\s{0,9}|"datePublished"\s{0,9}:\s{0,9}")(\d{4}-\d\d-\d\d)', re.ASCII)
#: Places of one kind that are looked at for a date.
MARKS = 20

#: What challenges say to people, whoever makes them. That forms are "protected by reCAPTCHA" is none.
_CHALLENGE = re.compile(
    r"just a moment|(verify|confirm|prove|checking if|checking whether).{0,30}\bhuman\b|not a robot"
    r"|(complete|solve|pass).{0,30}captcha|are you (a )?(human|robot)|unusual traffic|checking your browser"
    r"|access( to this page)?( has been)? denied|pardon our interruption|enable javascript and cookies",
    re.IGNORECASE,
)
#: What they bring along where they say nothing. Some ordinary pages do too, but those have a text.
_WIDGET = re.compile(
    r"cf_chl_|challenge-form|captcha-delivery\.com|px-captcha|_incapsula_resource|awswafcaptcha",
    re.IGNORECASE,
)
#: Two of these in a short text are a wall of consent.
_CONSENT = tuple(
    re.compile(words, re.IGNORECASE)
    for words in (
        r"\bcookies?\b",
        r"before you (continue|proceed)|bevor sie|avant de continuer|antes de continuar|prima di continuare",
        r"\b(accept|agree|akzeptier|zustimm|einwillig|aceptar|accett|consent|consenso)",
        r"your privacy|ihre privatsphäre|votre vie privée|tu privacidad|la tua privacy",
    )
)

Wall = Literal["", "captcha", "consent", "empty", "cut"]


@dataclass(frozen=True, slots=True)
class Text:
    """What a reader would take from a page."""

    title: str = ""
    text: str = ""
    language: str = ""
    """As the root element says it, such as "de" or "en-US"."""
    published: str = ""
    """As the page says it; ISO date."""
    wall: Wall = ""
    """What stands in the text's place: a challenge, a question for consent, next to nothing. Or "cut": the
    text may go on.
    """

    @property
    def words(self) -> int:
        """Of the text; where no blanks are written, about so many."""
        unspaced = len(_UNSPACED.findall(self.text))
        return len(_WORD.findall(_UNSPACED.sub(" ", self.text))) + unspaced // _UNSPACED_WORD


def extract(html: str, url: str) -> Text:
    """The main text of the page at `url`. Any text is taken for HTML, and none raises; may run in a thread."""
    markup = _OVERLONG.sub("", html)
    looked_at = "<".join(markup[:HTML_LENGTH].split("<", TAGS)[:TAGS])
    try:
        page = _read(looked_at, url)
    except Exception:  # noqa: BLE001 - whatever a parser makes of such a page, to us it is one without text
        page = Text()
    wall = _wall(page, markup)
    if wall in {"captcha", "consent"}:
        return Text(wall=wall)
    if wall == "" and (len(looked_at) < len(markup) or len(page.text) > TEXT_LENGTH):
        wall = "cut"
    return replace(page, text=page.text[:TEXT_LENGTH].rstrip(), wall=wall)


def _read(html: str, url: str) -> Text:
    tree = trafilatura.load_html(html)
    if tree is None:
        return Text()
    language = (tree.get("lang") or tree.get("xml:lang") or "").strip()
    title = next(filter(None, (tree.xpath(f"normalize-space({path})") for path in _TITLES)), "")
    published = _published(tree)
    # A text would be looked for in them, by an expression that a crafted one keeps busy for hours.
    for script in tree.xpath("//script"):
        script.drop_tree()
    # Its slower extractors gain little, and their time grows with the square of the paragraphs.
    document = trafilatura.bare_extraction(tree, url=url, fast=True, include_comments=False)
    text = "" if document is None or isinstance(document, dict) else document.text
    return Text(
        _clean(title)[:TITLE_LENGTH],
        _clean(text),
        language if _LANGUAGE.fullmatch(language) else "",
        published,
    )


def _published(tree: Any) -> str:
    """The first date that is one. Nothing is guessed from the numbers in a text."""
    for path in _DATES:
        for found in tree.xpath(path)[:MARKS]:
            if day := _DAY.search(found):
                with suppress(ValueError):
                    return date.fromisoformat(day[1]).isoformat()
    return ""


def _clean(text: str | None) -> str:
    """Without what the record cannot hold: the text's hash is of what is stored."""
    return (text or "").replace("\x00", "").encode(errors="replace").decode().strip()


def _wall(page: Text, html: str) -> Wall:
    words, shown = page.words, f"{page.title}\n{page.text}"
    if words < WALL_WORDS and (_CHALLENGE.search(shown) or (words < FEWEST_WORDS and _WIDGET.search(html))):
        return "captcha"
    if words < WALL_WORDS and sum(bool(sign.search(shown)) for sign in _CONSENT) > 1:
        return "consent"
    return "empty" if words < FEWEST_WORDS else ""
