"""The words the world is written in, and text made of them."""

from random import Random

SYLLABLES = [
    "ac", "ar", "bel", "bri", "cal", "cor", "dax", "del", "dor", "el", "fen", "fin", "gal", "glo",
    "har", "hel", "in", "jor", "ka", "kel", "lan", "lor", "lum", "mar", "mer", "mon", "nar", "nex",
    "nor", "ol", "or", "pal", "pex", "quo", "ra", "rel", "ro", "sal", "sen", "sol", "tal", "tek", "tor",
    "ul", "va", "vel", "ver", "vin", "vol", "wen", "xan", "yor", "zen", "zor",
]  # fmt: skip
NAME_ENDINGS = ["labs", "soft", "works", "hub", "data", "cloud", "group", "media", "tech", "base", "", "", ""]
IDN_NAMES = [
    "müllertechnik", "böhmdata", "caféduweb", "señalmedia", "bücherwelt", "smørlabs", "łódźsoft",
    "éclairgroup", "żółwhub", "straßenbau", "日本語広告", "công-nghệ",
]  # fmt: skip
TOPICS = [
    "accounting", "analytics", "apparel", "automotive", "banking", "coffee", "construction", "crm",
    "cybersecurity", "education", "energy", "fitness", "gardening", "healthcare", "hiring", "insurance",
    "legal", "logistics", "marketing", "payments", "photography", "real estate", "software", "travel",
]  # fmt: skip
TITLES = [
    "The complete guide to {}", "Best {} tools compared", "What is {}? Definition and examples",
    "{} pricing explained", "How to choose a provider for {}", "Top 10 {} trends", "{} for small business",
    "A beginner's introduction to {}", "{}: costs, benefits and pitfalls", "Why {} projects fail",
    "{} case studies", "The state of {} this year",
]  # fmt: skip
SECTIONS = ["blog", "resources", "guides", "solutions", "products", "learn", "insights", "en", "p"]
ASPECTS = [
    "pricing", "software", "tools", "examples", "near me", "vs competitors", "for beginners", "jobs",
    "reviews", "free", "course", "meaning", "best", "2026", "alternatives", "checklist",
]  # fmt: skip
QUESTIONS = ["What is {}?", "How much does {} cost?", "Is {} worth it?", "How do I start with {}?"]
_OPENINGS = ["Teams", "Experts", "Most buyers", "Companies", "Readers", "Analysts", "Customers", "Founders"]
_VERBS = ["compare", "recommend", "evaluate", "rely on", "ask about", "switch to", "measure", "budget for"]
_OBJECTS = [
    "transparent pricing", "onboarding in under a week", "dedicated support", "clear reporting",
    "proven integrations", "regional compliance", "flexible contracts", "open standards",
]  # fmt: skip
_ENDINGS = [
    "before they commit to a plan.", "when growth slows down.", "in every market we looked at.",
    "according to our latest survey.", "and so should you.", "once the first year is over.",
    "because switching later is expensive.", "as our side-by-side test shows.",
]  # fmt: skip


def name(rng: Random) -> str:
    """A made-up company name in lower case, two to four syllables."""
    count = 2 + int(rng.random() * 2)
    return "".join(rng.choice(SYLLABLES) for _ in range(count)) + rng.choice(NAME_ENDINGS)


def title(number: int, topic: int) -> str:
    """A headline on a topic; any two numbers give one."""
    text = TITLES[number % len(TITLES)].format(TOPICS[topic % len(TOPICS)])
    return text[0].upper() + text[1:]


def sentence(rng: Random) -> str:
    """One sentence of about 70 characters."""
    return f"{rng.choice(_OPENINGS)} {rng.choice(_VERBS)} {rng.choice(_OBJECTS)} {rng.choice(_ENDINGS)}"


def paragraph(rng: Random, sentences: int) -> str:
    """Several sentences."""
    return " ".join(sentence(rng) for _ in range(sentences))
