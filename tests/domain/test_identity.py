"""Who a company is: named at the start, by a person, by a match that is sure enough, or by its domain."""

import pytest

from shared.domain.identity import LEAST_CONFIDENCE, confidence, fits, identify
from shared.domain.report_rows import CompanyRow, Override
from shared.domain.results import CompanyResult
from shared.domain.roles import Roles
from tests.domain.surveyed import ACME, RIVAL, report, row, rows, search

SAID = Override("blog.org", "The Blog Trust", platform=False, actor="ana", reason="read its imprint")


@pytest.mark.parametrize(
    ("name", "domain", "fit"),
    [
        ("Acme GmbH", "acme.com", True),
        ("International Business Machines", "ibm.com", True),
        ("The Daily News", "dailynews.co.uk", True),
        ("Böhm & Söhne", "bohm.de", True),
        ("Popular Gardening Weekly", "docs.example", False),
        ("John Smith", "wikipedia.org", False),
        ("", "acme.com", False),
    ],
)
def test_a_name_fits_its_domain(name: str, domain: str, fit: bool) -> None:
    """By a word, a beginning or the initials."""
    assert fits(name, domain) is fit


def test_confidence_is_of_field_and_name() -> None:
    """A record with the very domain names its owner, whatever it is called; a website with another name does not."""
    same = CompanyResult(True, name="Alphabet", domain="google.com", matched_by="domain")
    site = CompanyResult(True, name="Alphabet", domain="abc.xyz", matched_by="website")

    assert confidence(same, "google.com") >= LEAST_CONFIDENCE > confidence(site, "google.com")
    assert confidence(CompanyResult(True, name="Google", matched_by="website"), "google.com") == 0.8


def test_a_person_wins_over_a_match_and_the_start_over_both() -> None:
    """Where each name is from is told."""
    roles = Roles(
        ACME, (RIVAL,), [SAID, Override("acme.com", "Other", platform=False, actor="a", reason="r")]
    )
    matches = {d: CompanyResult(True, name="Matched", domain=d) for d in ("acme.com", "blog.org", "shop.vn")}
    found = {
        domain: identify(roles, domain, matches) for domain in ("acme.com", "blog.org", "shop.vn", "x.org")
    }

    assert [(who.name, who.named_by) for who in found.values()] == [
        ("Acme", "start"),
        ("The Blog Trust", "person"),
        ("Matched", "match"),
        ("x.org", "domain"),
    ]
    assert found["x.org"].confidence is None


def test_a_person_may_say_what_is_a_platform() -> None:
    """And what is none: its rank follows."""
    said = [
        Override("blog.org", "Blog hosts", platform=True, actor="a", reason="users write there"),
        Override("wikipedia.org", "Wikipedia", platform=False, actor="a", reason="counts as a publisher"),
    ]
    made = report(rows(search("blog.org", "wikipedia.org"), overrides=said))

    assert (row(made, "blog.org").role, row(made, "blog.org").rank) == ("platform", None)
    assert (row(made, "wikipedia.org").role, row(made, "wikipedia.org").rank) == ("other", 1)


def test_the_table_of_matches_says_who_said_what() -> None:
    """Every domain that was looked up, and every one somebody named."""
    companies = [CompanyRow("shop.vn", CompanyResult(True, name="Shop", domain="shop.vn"))]
    made = report(rows(search("shop.vn"), companies=companies, overrides=[SAID]))

    assert [(m.domain, m.name, m.named_by, m.said_by) for m in made.matches] == [
        ("blog.org", "The Blog Trust", "person", "ana"),
        ("shop.vn", "Shop", "match", None),
    ]
