"""Settings: decoded once, and every mistake is told by the name of the variable it is in."""

import traceback
from pathlib import Path

import msgspec
import pytest

from shared import config
from shared.config import Provider, Settings, load
from shared.errors import ConfigError

SECRET = "s3cr3t-9f8e7d6c5b4a"


def test_empty_environment_gives_the_defaults() -> None:
    """Other programs' variables, and those of the embedded Postgres, are none of ours."""
    others = {"PATH": "/bin", "landscape_token": "x", "LANDSCAPE_PG_PORT": "1", "XLANDSCAPE_TOKEN": "x"}

    assert load({}) == load(others) == Settings()


def test_process_environment_is_the_default_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument it reads what the process was given."""
    monkeypatch.setenv("LANDSCAPE_TOKEN", SECRET)

    assert load().token == SECRET


def test_double_underscores_nest() -> None:
    """Single ones belong to names; values become what the field is."""
    settings = load(
        {
            "LANDSCAPE_POSTGRES_URL": "postgresql://localhost/x",
            "LANDSCAPE_GATEWAY__PORT": "8002",
            "LANDSCAPE_LOG__FORMAT": "text",
            "LANDSCAPE_LOG__FILE": "/var/log/landscape",
            "LANDSCAPE_RUNTIME__LEASE_SECONDS": "3",
            "LANDSCAPE_PROVIDERS__SERP__API_KEY": SECRET,
            "LANDSCAPE_PROVIDERS__SERP__REQUESTS_PER_SECOND": "2.5",
            "LANDSCAPE_PROVIDERS__MEDIA__CONCURRENCY": "7",
        }
    )

    assert settings.postgres_url == "postgresql://localhost/x"
    assert (settings.gateway.port, settings.gateway.host) == (8002, "127.0.0.1")
    assert (settings.log.format, settings.log.file) == ("text", "/var/log/landscape")
    assert settings.runtime.lease_seconds == 3.0
    assert settings.provider("serp") == Provider(api_key=SECRET, requests_per_second=2.5)
    assert settings.provider("media") == Provider(concurrency=7)
    assert settings.provider("pages") == Provider()


def test_value_can_stand_in_a_file(tmp_path: Path) -> None:
    """As container secrets do; the line end is not part of it."""
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    names = ("LANDSCAPE_TOKEN_FILE", "LANDSCAPE_PROVIDERS__SERP__API_KEY_FILE")

    settings = load(dict.fromkeys(names, str(path)))

    assert (settings.token, settings.provider("serp").api_key) == (SECRET, SECRET)


@pytest.mark.parametrize("content", [None, b"\xff\xfe" + SECRET.encode()])
def test_unreadable_file_names_the_variable(tmp_path: Path, content: bytes | None) -> None:
    """Missing, or no text: the content is not repeated."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=rf"LANDSCAPE_TOKEN_FILE: cannot read {path}") as caught:
        load({"LANDSCAPE_TOKEN_FILE": str(path)})

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("LANDSCAPE_TOKN", "LANDSCAPE_TOKEN"),
        ("LANDSCAPE_POSTGRES", "LANDSCAPE_POSTGRES_URL"),
        ("LANDSCAPE_GATEWAY__PROT", "LANDSCAPE_GATEWAY__PORT"),
        ("LANDSCAPE_GATEWAY_PORT", "LANDSCAPE_GATEWAY__PORT"),
        ("LANDSCAPE_RUNTIME__LEASE", "LANDSCAPE_RUNTIME__LEASE_SECONDS"),
        ("LANDSCAPE_PROVIDERS__SERP__API_KYE", "LANDSCAPE_PROVIDERS__SERP__API_KEY"),
        ("LANDSCAPE_PROVIDERS__MEDIA__TIMEOUT", "LANDSCAPE_PROVIDERS__MEDIA__TIMEOUT_SECONDS"),
        ("LANDSCAPE_SERP__API_KEY", "LANDSCAPE_PROVIDERS__<SERVICE>__API_KEY"),
    ],
)
def test_unknown_name_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    """A setting that is silently ignored costs an afternoon."""
    with pytest.raises(ConfigError) as caught:
        load({name: "1"})

    assert str(caught.value) == f"{name} is not a setting; did you mean {nearest}?"


def test_name_that_resembles_nothing_is_told_without_a_guess() -> None:
    """A wrong guess is worse than none."""
    with pytest.raises(ConfigError) as caught:
        load({"LANDSCAPE_QQQQQQQQQQ": "1"})

    assert str(caught.value) == "LANDSCAPE_QQQQQQQQQQ is not a setting"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LANDSCAPE_GATEWAY__PORT", "eight"),
        ("LANDSCAPE_GATEWAY__PORT", ""),
        ("LANDSCAPE_GATEWAY__PORT", "-1"),
        ("LANDSCAPE_GATEWAY__PORT", "65536"),
        ("LANDSCAPE_EXPOSITION__PORT", "9e9"),
        ("LANDSCAPE_LOG__FORMAT", "xml"),
        ("LANDSCAPE_LOG__LEVEL", "loud"),
        ("LANDSCAPE_RUNTIME__THREADS", "0"),
        ("LANDSCAPE_RUNTIME__CRASH_LIMIT", "0"),
        ("LANDSCAPE_RUNTIME__LEASE_SECONDS", "0"),
        ("LANDSCAPE_RUNTIME__LEASE_SECONDS", "nan"),
        ("LANDSCAPE_RUNTIME__LEASE_SECONDS", "inf"),
        ("LANDSCAPE_RUNTIME__TICK_SECONDS", "-0.1"),
        ("LANDSCAPE_RUNTIME__LINGER_SECONDS", "2 s"),
        ("LANDSCAPE_PROVIDERS__MEDIA__CONCURRENCY", "many"),
        ("LANDSCAPE_PROVIDERS__MEDIA__CONCURRENCY", "0"),
        ("LANDSCAPE_PROVIDERS__MEDIA__REQUESTS_PER_SECOND", "-1"),
        ("LANDSCAPE_PROVIDERS__MEDIA__REQUESTS_PER_SECOND", "inf"),
        ("LANDSCAPE_PROVIDERS__MEDIA__TIMEOUT_SECONDS", "0"),
        ("LANDSCAPE_PROVIDERS__MEDIA__UNIT_PRICE", "nan"),
        ("LANDSCAPE_PROVIDERS__MEDIA__TRANSPORT", "curl"),
        ("LANDSCAPE_GATEWAY", "8001"),
        ("LANDSCAPE_PROVIDERS__SERP", SECRET),
    ],
)
def test_value_of_the_wrong_kind_names_its_variable(name: str, value: str) -> None:
    """With other providers' settings beside it, it is still the right one that is named."""
    sound = {"LANDSCAPE_PROVIDERS__PAGES__CONCURRENCY": "5", "LANDSCAPE_TOKEN": SECRET}

    with pytest.raises(ConfigError, match=rf"^{name}: ") as caught:
        load({**sound, name: value})

    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("level", ["debug", "INFO", "Warning"])
def test_levels_may_be_written_in_any_case(level: str) -> None:
    """As people know them from other programs."""
    assert load({"LANDSCAPE_LOG__LEVEL": level}).log.level == level


def test_value_and_group_of_one_name_are_refused() -> None:
    """One of them would be lost."""
    with pytest.raises(ConfigError, match="LANDSCAPE_GATEWAY__PORT: gateway is a value and a group at once"):
        load({"LANDSCAPE_GATEWAY": "x", "LANDSCAPE_GATEWAY__PORT": "1"})


def test_value_goes_before_its_file(tmp_path: Path) -> None:
    """What `landscape up` sets for its processes wins over a file that stands in its own environment."""
    names = {"LANDSCAPE_TOKEN": SECRET, "LANDSCAPE_TOKEN_FILE": str(tmp_path / "missing")}

    assert load(names).token == load(dict(reversed(names.items()))).token == SECRET


def test_missing_settings_are_named_together() -> None:
    """One start shows all that is missing, and the way out."""
    with pytest.raises(
        ConfigError, match=r"LANDSCAPE_POSTGRES_URL, LANDSCAPE_TOKEN must be set; `landscape up`"
    ):
        Settings(redis_url="redis://localhost").require("postgres_url", "redis_url", "token")


def test_every_setting_has_a_name() -> None:
    """Each can be set by the name that the list of names gives it."""
    for name in config.names():
        variable = f"LANDSCAPE_{name.replace('<SERVICE>', 'SERP')}"
        try:
            load({variable: "1"})
        except ConfigError as error:
            assert "is not a setting" not in str(error), name  # noqa: PT017  some are no numbers


def test_list_of_names_is_complete() -> None:
    """The reference of all variables and the nearest name are made from it."""
    groups = (config.Gateway, config.Exposition, config.Log, config.Runtime, Provider)
    single = len(msgspec.structs.fields(Settings)) - len(groups)

    assert len(config.names()) == single + sum(len(msgspec.structs.fields(group)) for group in groups)
