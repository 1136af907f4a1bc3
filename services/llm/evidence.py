"""Whether a score has its evidence in the page: the quote must be there, but for how it is printed."""

import unicodedata

#: Characters a quote must have left once it is folded. What is shorter stands in nearly every text.
SHORTEST = 8
#: The highest score that needs no quote: "the page does not deal with it" cannot be quoted.
UNPROVEN = 2

#: The first one stands for all. `<` is among them: the prompt shows a quotation mark in its place (`prompt.fenced`).
_MARKS = "'\"`´‘’‚‛“”„‟«»‹›′″‴「」『』<＜﹤"  # noqa: RUF001 - it is about characters that look alike
_DASHES = "-‐‑‒–—―−﹘﹣－"  # noqa: RUF001
#: Soft hyphens, joiners, marks of direction: nobody sees them, and no model repeats them. And what makes an emoji one.
_INVISIBLE = [code for code in range(0x10000) if unicodedata.category(chr(code)) == "Cf"] + [0xFE0F]
_SAME = {
    **{ord(mark): _MARKS[0] for mark in _MARKS},
    **{ord(dash): _DASHES[0] for dash in _DASHES},
    **dict.fromkeys(_INVISIBLE, ""),
}
#: What models put around a quote: quotation marks, an ellipsis, a dash.
_AROUND = "'.-"


def fold(text: str) -> str:
    """Without case, blanks, invisible characters and the kinds of quotation marks and dashes."""
    # Marks first: the compatible forms of some are a blank with an accent.
    plain = unicodedata.normalize("NFKC", text.translate(_SAME)).casefold()
    return "".join(plain.split())


def is_supported(score: float, quote: str, folded_text: str) -> bool:
    """Whether a score may stand. An invented quote voids every score, a missing one those that claim something."""
    core = fold(quote).strip(_AROUND)
    if len(core) < SHORTEST:
        return score <= UNPROVEN
    return core in folded_text
