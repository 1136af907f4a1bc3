"""Regions: all countries, each with what a search there is asked with."""

import re

import pytest

from shared.domain.regions import REGIONS, Region, region


def test_every_iso_country_is_there_once() -> None:
    """ISO 3166-1 has 249 officially assigned codes, each with its own number."""
    assert len(REGIONS) == 249
    assert all(code == found.code and re.fullmatch("[A-Z]{2}", code) for code, found in REGIONS.items())
    assert len({found.geo_target for found in REGIONS.values()}) == 249
    assert len({found.name for found in REGIONS.values()}) == 249
    assert list(REGIONS) == sorted(REGIONS)


@pytest.mark.parametrize(
    "expected",
    [
        Region("US", "United States", "us", "en", "google.com", 2840, 1000),
        Region("GB", "United Kingdom", "gb", "en", "google.co.uk", 2826, 1000),
        Region("DE", "Germany", "de", "de", "google.de", 2276, 1001),
        Region("SA", "Saudi Arabia", "sa", "ar", "google.com.sa", 2682, 1019),
        Region("VN", "Vietnam", "vn", "vi", "google.com.vn", 2704, 1040),
    ],
)
def test_the_reference_regions_are_exact(expected: Region) -> None:
    """The five regions of the reference load, field by field."""
    assert region(expected.code) == expected


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("FR", 2250),
        ("AF", 2004),
        ("AL", 2008),
        ("CZ", 2203),
        ("ME", 2499),
        ("SS", 2728),
        ("ZW", 2716),
        ("BR", 2076),
    ],
)
def test_geo_targets_follow_the_iso_number(code: str, target: int) -> None:
    """2000 plus the number, leading zeros included."""
    assert region(code).geo_target == target


def test_sudan_keeps_the_geo_target_of_its_old_number() -> None:
    """Google's list has 2736 for Sudan; 2729 would name nothing."""
    assert region("SD").geo_target == 2736


@pytest.mark.parametrize("written", ["UK", "uk", " gb ", "Gb"])
def test_codes_are_read_tolerantly(written: str) -> None:
    """Case and blanks do not matter, and UK is the United Kingdom."""
    assert region(written).code == "GB"


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("Germany", r"did you mean DE \(Germany\)"),
        ("Untied States", r"US \(United States\)"),
        ("USA", r"US \(United States\)"),
        ("", "expected an ISO 3166-1 alpha-2 code"),
        ("EU", r"did you mean E[A-Z] \("),
        ("XX", "expected an ISO 3166-1 alpha-2 code"),
        ("840", "expected an ISO 3166-1 alpha-2 code"),
    ],
)
def test_an_unknown_region_is_refused_with_the_nearest(written: str, hint: str) -> None:
    """The error names the input and what was probably meant; nothing is guessed."""
    with pytest.raises(ValueError, match=hint) as caught:
        region(written)

    assert repr(written) in str(caught.value)


def test_languages_without_a_constant_stay_unknown() -> None:
    """Google Ads cannot target Georgian or Lao: no neighbour's constant is borrowed."""
    assert region("GE").language_constant is None
    assert region("LA").language_constant is None
    assert region("IR").language_constant == 1064


def test_every_region_can_be_searched() -> None:
    """No field is empty, and domains have the form of Google's."""
    for found in REGIONS.values():
        assert found.gl == found.code.lower()
        assert re.fullmatch(r"google\.(com|[a-z]{2}|com?\.[a-z]{2})", found.google_domain), found
        assert re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", found.hl), found
        assert found.name.isascii()
        assert found.name == found.name.strip() != ""


@pytest.mark.parametrize(
    ("code", "domain"), [("TV", "google.com"), ("JP", "google.co.jp"), ("CN", "google.com.hk")]
)
def test_a_country_without_a_google_of_its_own_uses_another(code: str, domain: str) -> None:
    """google.com where there is none; China's visitors are sent on to Hong Kong."""
    assert region(code).google_domain == domain
