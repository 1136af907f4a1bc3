"""How an article looks as a page: HTML with its boilerplate, Markdown, text, PDF; and what stands in its place."""

from html import escape

import msgspec

from services.simulator.scrapingbee_prose import Article

HUGE_BYTES = 1_500_000
"""What a huge page carries besides its article."""

_NAVIGATION = ("Products", "Solutions", "Pricing", "Customers", "Resources", "About us", "Contact")
_COOKIES = (
    '<div id="cookie-banner" class="cookie-consent" role="dialog"><p>We value your privacy. We and our partners '
    "use cookies to improve your experience, to analyse traffic and to show personalised advertising.</p>"
    "<button>Accept all</button><button>Reject</button><button>Manage preferences</button></div>"
)
_STYLE = (
    "<style>body{font:16px/1.6 sans-serif;margin:0}nav ul{display:flex}footer{color:#666}</style>"
    "<script>window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)}</script>"
)
CAPTCHA = (
    '<!DOCTYPE html><html lang="en"><head><title>Just a moment...</title><meta name="robots" content="noindex">'
    '</head><body><div id="challenge-stage"><h1>Verify you are human</h1><p>Please complete the CAPTCHA to '
    'continue. Enable JavaScript and cookies to continue.</p><div class="g-recaptcha" data-sitekey="6Lc"></div>'
    "</div></body></html>"
)
CONSENT = (
    '<!DOCTYPE html><html lang="en"><head><title>Before you continue</title></head><body>'
    f'{_COOKIES}<form action="/consent"><h1>Before you continue</h1><p>We use cookies and data to deliver and '
    "maintain our services. If you choose to accept all, we will also use them to measure audiences.</p>"
    "<button>Accept all</button><button>More options</button></form></body></html>"
)
SHELL = (
    '<!DOCTYPE html><html lang="en"><head><title>{}</title><script src="/static/app.9f1c.js" defer></script>'
    '</head><body><div id="root"></div><noscript>You need to enable JavaScript to run this app.</noscript>'
    "</body></html>"
)
NOT_FOUND = (
    '<!DOCTYPE html><html lang="en"><head><title>Page not found</title></head><body><h1>404</h1>'
    "<p>The page you are looking for does not exist or has been moved.</p></body></html>"
)
DENIED = "<html><head><title>Access denied</title></head><body><h1>403 Forbidden</h1></body></html>"
BROKEN = "<html><head><title>Error</title></head><body><h1>500 Internal Server Error</h1></body></html>"


def html(article: Article, url: str, lang: str, charset: str, *, huge: bool = False) -> str:
    """The whole page. Without `lang` the root element has no such attribute."""
    site, title, description = escape(article.site), escape(article.title), escape(article.description)
    host = "/".join(url.split("/", 3)[:3])
    root = f'<html lang="{lang}">' if lang else "<html>"
    links = "".join(f'<li><a href="{host}/{item[:4].lower()}">{item}</a></li>' for item in _NAVIGATION)
    return (
        f"<!DOCTYPE html>\n{root}\n<head>\n"
        f'<meta charset="{charset}">\n<title>{title}</title>\n'
        f'<meta name="description" content="{description}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="canonical" href="{escape(url)}">\n<meta property="og:title" content="{title}">\n'
        f'<meta property="og:site_name" content="{site}">\n<meta property="og:type" content="article">\n'
        f'<script type="application/ld+json">{_linked_data(article)}</script>\n{_STYLE}\n</head>\n<body>\n'
        f'{_COOKIES}\n<header><a class="logo" href="{host}/">{site}</a><nav><ul>{links}</ul></nav></header>\n'
        f"<main>\n<article>\n<h1>{title}</h1>\n"
        f'<p class="byline">By {escape(article.author)} · <time datetime="{article.published}">'
        f"{article.published:%d %B %Y}</time></p>\n{_blocks(article)}\n</article>\n"
        f'<aside class="related"><h3>Related articles</h3><ul>{_related(article, huge=huge)}</ul></aside>\n</main>\n'
        f'<section class="newsletter"><h3>Stay informed</h3><p>Subscribe to our newsletter.</p></section>\n'
        f"<footer><ul>{links}</ul><p>© 2026 {site}. All rights reserved. Privacy policy · Terms of service · "
        "Imprint</p></footer>\n</body>\n</html>\n"
    )


def markdown(article: Article) -> str:
    """As `return_page_markdown` has it: the boilerplate remains."""
    marks = {"h2": "## ", "li": "- ", "blockquote": "> "}
    parts = [f"{marks.get(tag, '')}{text}" for tag, text in article.blocks]
    menu = " ".join(f"[{item}](/{item[:4].lower()})" for item in _NAVIGATION)
    return "\n\n".join([menu, f"# {article.title}", *parts, f"© 2026 {article.site}. All rights reserved."])


def text(article: Article) -> str:
    """As `return_page_text` has it."""
    return "\n".join(
        [
            " ".join(_NAVIGATION),
            article.title,
            *(text for _, text in article.blocks),
            f"© 2026 {article.site}",
        ]
    )


def pdf(article: Article) -> bytes:
    """One page with the article's title; a reader can open it."""
    shown = article.title.encode("latin-1", "replace").translate(None, b"()\\")
    stream = b"BT /F1 18 Tf 72 720 Td (" + shown + b") Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj%b endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        body
        + b"xref\n0 6\n0000000000 65535 f \n%btrailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
        % (
            table,
            len(body),
        )
    )


def _linked_data(article: Article) -> str:
    data = {
        "@context": "https://schema.org",
        "@type": "Article",
        "headline": article.title,
        "datePublished": article.published.isoformat(),
        "author": {"@type": "Person", "name": article.author},
        "publisher": {"@type": "Organization", "name": article.site},
    }
    return msgspec.json.encode(data).decode().replace("</", "<\\/")


def _blocks(article: Article) -> str:
    parts, in_list = [], False
    for tag, words in article.blocks:
        if (tag == "li") != in_list:
            in_list = not in_list
            parts.append("<ul>" if in_list else "</ul>")
        parts.append(f"<{tag}>{escape(words, quote=False)}</{tag}>")
    return "\n".join([*parts, "</ul>"] if in_list else parts)


def _related(article: Article, *, huge: bool) -> str:
    item = f'<li><a href="/{article.topic.replace(" ", "-")}-{{0:06}}">More on {article.topic}, part {{0}}</a></li>'
    count = HUGE_BYTES // len(item) if huge else 4
    return "".join(item.format(number) for number in range(1, count + 1))
