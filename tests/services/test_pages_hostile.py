"""ScrapingBee and the web answering with anything: a refusal or a marked result, never a wall taken for a text."""

import json
import logging
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from services.pages import main_text
from services.pages.main_text import HTML_LENGTH, TAGS, TEXT_LENGTH, TITLE_LENGTH, extract
from services.pages.provider import PROVIDER, handle
from shared.domain.category import categorize
from shared.domain.phases import FEWEST_WORDS
from shared.domain.provider import Completed
from shared.errors import AnswerError, ProviderError
from tests.services.test_pages import URL, complete, page, site, tiers
from tests.services.till import Till, assert_storable, payload

anyio = pytest.mark.anyio

SENTENCE = "Runners who train in the rain need shoes that dry over night. "
ARTICLE = f"<html lang='en'><head><title>T</title></head><body><article><p>{SENTENCE * 12}</p></article></body></html>"
ENVELOPE: dict[str, Any] = json.loads(payload("scrapingbee", "article"))


def body(**changes: Any) -> bytes:
    """An envelope around a page; None leaves a field out."""
    return json.dumps({n: v for n, v in {**ENVELOPE, **changes}.items() if v is not None}).encode()


def raw(name: str, value: bytes) -> bytes:
    """An envelope with bytes for a value that no encoder would write."""
    return body(**{name: "VALUE"}).replace(b'"VALUE"', value)


REFUSED = {
    # It is not this format, or not all of it.
    "nothing": (b"", "unreadable"),
    "blanks": (b" \r\n", "unreadable"),
    "the page without an envelope": (ENVELOPE["body"].encode(), "unreadable"),
    "cut off": (payload("scrapingbee", "article")[:1000], "unreadable"),
    "two documents": (body() + body(), "unreadable"),
    "NaN": (raw("cost", b"NaN"), "unreadable"),
    "not UTF-8": (raw("body", b'"caf\xe9"'), "unreadable"),
    "half a surrogate pair": (raw("body", b'"\\ud83d"'), "unreadable"),
    "wrong escape": (raw("body", b'"\\x41"'), "unreadable"),
    "deep nesting": (raw("xhr", b"[" * 200_000), "unreadable"),
    "deep nesting in the body": (raw("body", b'{"a":' * 200_000), "unreadable"),
    # It is JSON of another shape.
    "null": (b"null", "malformed"),
    "list": (b"[" + body() + b"]", "malformed"),
    "text": (json.dumps(ENVELOPE["body"]).encode(), "malformed"),
    "message": (b'{"message": "Too many requests"}', "malformed"),
    "reason": (payload("scrapingbee", "error_site"), "malformed"),
    "no type": (body(type=None), "malformed"),
    "type is null": (raw("type", b"null"), "malformed"),
    "type is a number": (body(type=1), "malformed"),
    "no body": (body(body=None), "malformed"),
    "body is null": (raw("body", b"null"), "malformed"),
    "body is a list": (body(body=["<p>"]), "malformed"),
    "body is an object": (body(body={"html": "<p>"}), "malformed"),
    "body is a number": (body(body=0), "malformed"),
    "cost is negative": (body(cost=-1), "malformed"),
    "cost is huge": (body(cost=10**40), "malformed"),
    "cost is infinite": (raw("cost", b"1e999"), "malformed"),
    "cost is text": (body(cost="much"), "malformed"),
    "cost is a list": (body(cost=[1]), "malformed"),
    "address is a list": (body(**{"resolved-url": [URL]}), "malformed"),
}  # fmt: skip


@anyio
@pytest.mark.parametrize(("answer", "code"), REFUSED.values(), ids=REFUSED)
async def test_answer_that_is_no_envelope_is_refused(answer: bytes, code: str) -> None:
    """It raises AnswerError with a short text, no other visit is made, and nothing is recorded."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=answer))

    with pytest.raises(AnswerError) as caught:
        await handle([page()], till)

    assert caught.value.codes == (code,)
    assert len(str(caught.value)) < 500
    assert categorize(caught.value, PROVIDER.errors).category == "recoverable"
    assert caught.value.units in {0.0, 1.0}
    assert (len(till.requests), till.units) == (1, [])


@anyio
@pytest.mark.parametrize(
    "changes",
    [
        {"cost": None},
        {"cost": "1"},
        {"cost": 1.0},
        {"initial-status-code": None},
        {"initial-status-code": "200"},
        {"initial-status-code": -1},
        {"initial-status-code": 10**40},
        {"headers": None, "cookies": None, "xhr": None},
        {"headers": 5, "cookies": "x", "xhr": {}, "js_scenario_report": [], "evaluate_results": None},
        {"screenshot": "iVBORw0KGgo=", "unknown": {"deep": [1]}},
    ],
    ids=str,
)
async def test_what_is_not_needed_may_be_missing_or_wrong(changes: dict[str, Any]) -> None:
    """Without a price of its own the answer has that of its tier."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=body(**changes)))

    result, _, degraded = await complete(till)

    assert (result.words, degraded, till.units) == (87, "", [1.0])


@anyio
@pytest.mark.parametrize(
    "url",
    [None, "", "acme.example", "/guides", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "HTTPS",
     "ftp://a.example/", "https://a.example/" + "x" * 5_000],
    ids=lambda url: str(url)[:30],
)  # fmt: skip
async def test_end_of_the_journey_that_is_no_web_address_is_not_believed(url: str | None) -> None:
    """It becomes a link in the report."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=body(**{"resolved-url": url})))

    result, answer, _ = await complete(till)

    assert result.url == answer.url == URL


@anyio
@pytest.mark.parametrize("kind", ["b64_bytes", "json", "xml", "", "HTML", "html ", "a" * 100_000])
async def test_type_that_is_not_html_is_not_parsed(kind: str) -> None:
    """Whatever stands in the body."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=body(type=kind)))

    result, answer, degraded = await complete(till)

    assert (result.words, answer.text, degraded) == (0, "", "not_html")


#: Pages made to break a parser; each as large as a page may be, or nearly.
HOSTILE = {
    "nothing": "",
    "one letter": "x",
    "one bracket": "<",
    "brackets": "<" * 100_000,
    "open tag": "<p class='",
    "open comment": "<!--" + "-" * 100_000,
    "open script": "<script>" + "if (a<b) " * 10_000,
    "open CDATA": "<![CDATA[" + "x" * 100_000,
    "NUL": "\x00" * 100_000,
    "control characters": "<p>" + "\x01\x08\x1f\x7f\x85 ab " * 10_000,
    "no characters": "<p>\ufffe\uffff\ufdd0&#0;&#x0;&#xD800;&#xFFFE;&#x110000;</p>" * 100,
    "marks without letters": "<p>" + "\u0300" * 100_000,
    "right to left": "<p>" + "\u202e\u2066abc " * 10_000,
    "deep": "<div>" * 100_000,
    "deep with text": "<div>word " * 50_000,
    "deep lists": "<ul><li>x" * 50_000,
    "deep tables": "<table><tr><td>x" * 30_000,
    "closed, never opened": "</div></p></html>" * 10_000,
    "crossed": "<b><i><p></b></i></p>" * 10_000,
    "attributes": "<p " + " ".join(f"a{n}='x'" for n in range(150_000)) + ">x</p>",
    "long attribute": "<p class='" + "a " * 500_000 + "'>x</p>",
    "pictures in tags": "<img src='data:image/png;base64," + "A" * 900_000 + "'>" + ARTICLE,
    "entities": "&amp;&lt;&#65;&nbsp;" * 20_000,
    "entity bomb": "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "<!ENTITY b '&a;&a;&a;'>" * 1_000 + "]><p>&b;</p>",
    "outside entity": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><p>&a;</p>",
    "another encoding": "<?xml version='1.0' encoding='utf-16'?>" + ARTICLE,
    "another charset": "<meta charset='no-such-charset'>" + ARTICLE,
    "frames": "<iframe src='https://a.example'></iframe>" * 10_000,
    "forms": "<form><input><select><option>x" * 10_000,
    "base address": "<base href='http://[::1'><a href='http://[x'>y</a>" * 1_000,
    "JSON cut off": '<script type="application/ld+json">{"headline":"' + 'x\\"' * 300_000,
    "JSON that is slow": '<script type="application/ld+json">{"articleBody":"&lt;p ' + "a=" * 300_000 + '"}</script>',
    "JSON that is deep": '<script type="application/ld+json">' + '{"@graph":' * 100_000 + "</script>",
    "title of blanks": "<title>a" + " " * 500_000 + "</title>",
    "doctype of slashes": "<!doctype html " + "/" * 500_000,
    "noise": "".join(random.Random(1).choices([chr(n) for n in range(1, 0x3000)], k=200_000)),
    "noise of tags": "".join(
        random.Random(2).choices(("<div>", "</div>", "<p>", "</p>", "<ul>", "<li>", "<td>", "x ", "2020-01-01"), k=50_000)
    ),
    "many short paragraphs": ARTICLE + "<p>more</p>" * 20_000,
    "many rows": ARTICLE + "<table>" + "<tr><td>more</td><td>and</td></tr>" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.timeout(60)
def test_hostile_page_ends_as_some_text_or_none(html: str) -> None:
    """Within a minute, within bounds, without a character the record refuses."""
    text = extract(html, URL)

    shown = f"{text.title}{text.text}{text.language}{text.published}"
    assert len(text.text) <= TEXT_LENGTH
    assert len(text.title) <= TITLE_LENGTH
    assert "\x00" not in shown
    shown.encode()
    assert "root:" not in shown
    assert (text.words < FEWEST_WORDS) == (text.wall == "empty") or text.wall in {"captcha", "consent"}


@anyio
@pytest.mark.parametrize("name", ["deep", "no characters", "noise", "noise of tags", "NUL", "outside entity"])
async def test_hostile_page_is_stored_as_it_was_read(name: str) -> None:
    """What comes back from the store has the hash of the result."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=body(body=HOSTILE[name])))

    outcome = (await handle([page()], till))[7]

    assert isinstance(outcome, Completed)
    assert_storable(outcome)


@pytest.mark.parametrize("rest", ["<p>more</p>" * TAGS, "x" * HTML_LENGTH], ids=["tags", "characters"])
def test_page_that_is_too_long_is_cut_and_marked(rest: str) -> None:
    """The article stands before what was cut; that it was is told, for the text might have gone on."""
    text = extract(ARTICLE.removesuffix("</body></html>") + rest, URL)

    assert (text.wall, text.text.startswith(SENTENCE.strip())) == ("cut", True)


def test_text_that_is_too_long_is_cut_and_marked() -> None:
    """A book is read to the length that is kept."""
    text = extract(ARTICLE.replace("</p>", SENTENCE * 5_000 + "</p>"), URL)

    assert (len(text.text) > TEXT_LENGTH - 100, text.wall) == (True, "cut")


@pytest.mark.parametrize(
    ("language", "kept"),
    [("de", "de"), (" en-US ", "en-US"), ("zh-Hant-TW", "zh-Hant-TW"), ("en_GB", "en_GB"), ("", ""), ("x", ""),
     ("english language", ""), ("<b>", ""), ("de\x00", "de"), ("d" * 50, "")],
)  # fmt: skip
def test_language_is_a_tag_or_unknown(language: str, kept: str) -> None:
    """As the root element has it."""
    assert extract(ARTICLE.replace("lang='en'", f"lang='{language}'"), URL).language == kept


@pytest.mark.parametrize(
    ("mark", "day"),
    [
        ("<meta property='article:published_time' content='2024-02-29T23:00:00Z'>", "2024-02-29"),
        ("<meta name='date' content=' 2024-05-06'>", "2024-05-06"),
        ("<time pubdate datetime='2023-01-02'>yesterday</time>", "2023-01-02"),
        ("<script type='application/ld+json'>{\"datePublished\" : \"2022-03-04\"}</script>", "2022-03-04"),
        ("<script type='application/ld+json'>{\"dateModified\": \"2022-03-04\"}</script>", ""),
        ("<meta name='date' content='2023-02-29'>", ""),
        ("<meta name='date' content='0000-00-00'>", ""),
        ("<meta name='date' content='9999-99-99'><time pubdate datetime='2023-01-02'>x</time>", "2023-01-02"),
        ("<meta name='date' content='tomorrow'>", ""),
        ("<p>© 2019-01-01</p>", ""),
        ("<meta name='date'>", ""),
        ("<meta name='date' content='x'>" * 10_000, ""),
    ],
    ids=lambda value: value[:60],
)  # fmt: skip
def test_date_is_one_the_page_says_or_none(mark: str, day: str) -> None:
    """None is guessed from the numbers in a text."""
    assert extract(ARTICLE.replace("</title>", f"</title>{mark}"), URL).published == day


WALLS = {
    "Cloudflare": ("<title>Just a moment...</title><h1>acme.example</h1><p>Verifying you are human.</p>", "captcha"),
    "Incapsula": ("<iframe src='/_Incapsula_Resource?CWUDNSAI=23'>Request unsuccessful.</iframe>", "captcha"),
    "DataDome": ("<script src='https://ct.captcha-delivery.com/c.js'></script><p>acme.example</p>", "captcha"),
    "PerimeterX": ("<h1>Access to this page has been denied</h1><div id='px-captcha'></div>", "captcha"),
    "search engine": ("<p>Our systems have detected unusual traffic from your network.</p>", "captcha"),
    "Before you continue": ("<h1>Before you continue</h1><p>We use cookies and data.</p><button>OK</button>", "consent"),
    "in French": ("<h1>Avant de continuer</h1><p>Nous utilisons des cookies. Tout accepter.</p>", "consent"),
    "shell": ("<div id='root'></div><noscript>Please enable JavaScript.</noscript>", "empty"),
    "contact form": ("<h1>Contact</h1><p>Write to us.</p><div class='g-recaptcha'></div>", "empty"),
}  # fmt: skip


@pytest.mark.parametrize(("inside", "wall"), WALLS.values(), ids=WALLS)
def test_wall_is_no_text(inside: str, wall: str) -> None:
    """Its few words are not analysed as if they were the page's."""
    text = extract(f"<html><head></head><body>{inside}</body></html>", URL)

    assert text.wall == wall
    assert wall == "empty" or (text.title, text.text, text.words) == ("", "", 0)


@pytest.mark.parametrize(
    "about",
    [
        "To comment you must complete the CAPTCHA and prove that you are human. ",
        "Before you continue, accept all cookies: your privacy and your consent matter. ",
        "Just a moment: access denied was what we read. ",
    ],
)
def test_article_about_walls_is_none(about: str) -> None:
    """Among enough words these are words like any other."""
    assert extract(ARTICLE.replace(SENTENCE, SENTENCE + about, 1), URL).wall == ""


@pytest.mark.parametrize(
    "sentence",
    [
        "走る人は靴を足で選びます。多くの人は二足目を買うときに一足目から学びます。",
        "นักวิ่งเลือกรองเท้าตามเท้าของตน ส่วนใหญ่เรียนรู้จากคู่แรก ",
    ],
    ids=["Japanese", "Thai"],
)
def test_text_without_blanks_has_words(sentence: str) -> None:
    """Otherwise half of Asia's pages were empty ones."""
    text = extract(ARTICLE.replace(SENTENCE, sentence), URL)

    assert (text.wall, text.words > 150) == ("", True)


def test_threads_do_not_disturb_each_other() -> None:
    """Several pages are read at once."""
    pages = [ARTICLE.replace("Runners", f"Runners of club {n}") for n in range(8)]
    alone = [extract(html, URL) for html in pages]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda html: extract(html, URL), pages * 20))

    assert together == alone * 20
    assert len({text.text for text in alone}) == 8


def test_broken_pages_are_not_worth_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Some of every hundred are; the mark on the page says so."""
    with caplog.at_level(logging.WARNING):
        for html in ("", "x", "<html></html>", HOSTILE["noise"]):
            extract(html, URL)

    assert caplog.records == []


def test_parser_that_gives_up_means_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it raises on some page of the web is not known beforehand."""

    def give_up(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr("trafilatura.bare_extraction", give_up)

    assert extract(ARTICLE, URL) == main_text.Text(wall="empty")


@anyio
@pytest.mark.parametrize("status", [200, 201, 204, 301, 304, 400, 403, 404, 418, 429, 500, 503, 599])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"[" * 100_000,
        b'{"reason": "' + b"x" * 9_000 + b'"}',
        b'{"message": ["\\ud800", {}]}',
    ],
    ids=["nothing", "bytes", "nested", "long reason", "odd message"],
)
async def test_whatever_status_comes_with_whatever_body_it_is_a_short_error(
    status: int, content: bytes
) -> None:
    """Also with odd values of the header that tells whose fault it is."""
    for initial in ("", "200", "nonsense", "4" * 5_000):
        headers = {"Spb-Initial-Status-Code": initial}
        till = Till(PROVIDER, lambda _, h=headers: httpx.Response(status, headers=h, content=content))  # type: ignore[misc]  # bound at once
        with pytest.raises(ProviderError) as caught:
            await handle([page()], till)
        assert len(str(caught.value)) < 500
        assert len(till.requests) == 1


@anyio
async def test_site_that_changes_its_mind_ends() -> None:
    """Each visit meets something else; none is made twice."""
    captcha = httpx.Response(200, content=payload("scrapingbee", "captcha"))
    shell = httpx.Response(200, content=payload("scrapingbee", "shell"))
    till = Till(PROVIDER, site({"default": shell, "default_js": captcha, "premium_js": shell}))

    outcome = (await handle([page(most=75)], till))[7]

    assert isinstance(outcome, Completed)
    assert tiers(till) == ["default", "default_js", "premium_js"]
    assert outcome.degraded == "empty"
