"""The seed's five switches, each by what is written with it, without it and against it."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from shared import config, log
from shared.errors import ConfigError
from tests import logfile

start = logfile.start
Events = Callable[[Mapping[str, str]], list[str]]

#: A logger of each component, and one of none.
BREAKER, QUEUE, PERFORMANCE = (
    "shared.runtime.mirror",
    "shared.runtime.dispatcher",
    "shared.runtime.performance",
)
OTHER = "shared.runtime.journal"


@pytest.fixture
def lines(start: logfile.Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Events:
    """What each logger writes on each level, in a process with this environment."""
    path = start("json", "info", ())  # undone afterwards
    monkeypatch.chdir(tmp_path)

    def write(environment: Mapping[str, str]) -> list[str]:
        path.write_text("")
        settings = config.load({"LANDSCAPE_LOG__FILE": str(path), **environment})
        log.configure(settings.log, service="serp")
        for name in (BREAKER, QUEUE, PERFORMANCE, OTHER):
            for level in ("debug", "info", "error"):
                getattr(log.get(name), level)(f"{name.rpartition('.')[2]} {level}")
        return [json.loads(line)["event"] for line in path.read_text().splitlines()]

    return write


NORMAL = [
    f"{name} {level}"
    for name in ("mirror", "dispatcher", "performance", "journal")
    for level in ("info", "error")
]


def test_without_switches_the_level_decides(lines: Events) -> None:
    """What is worth knowing, of all components."""
    assert lines({}) == NORMAL


def test_debug_enabled_writes_everything(lines: Events) -> None:
    """Of every component, whatever the level says."""
    written = lines({"ROBUSTNESS_DEBUG_ENABLED": "true", "LANDSCAPE_LOG__LEVEL": "error"})
    assert len(written) == 12
    assert lines({"ROBUSTNESS_DEBUG_ENABLED": "false"}) == NORMAL


@pytest.mark.parametrize(
    ("switch", "name"),
    [
        ("ROBUSTNESS_LOG_CIRCUIT_BREAKER", "mirror"),
        ("ROBUSTNESS_LOG_JOB_QUEUE", "dispatcher"),
        ("ROBUSTNESS_LOG_PERFORMANCE_METRICS", "performance"),
    ],
)
def test_a_component_is_switched_by_itself(lines: Events, switch: str, name: str) -> None:
    """On: all of its lines. Off: its errors alone. The others are as before."""
    assert [event for event in lines({switch: "true"}) if event not in NORMAL] == [f"{name} debug"]
    assert [event for event in NORMAL if event not in lines({switch: "false"})] == [f"{name} info"]


def test_log_to_file_says_where_lines_go(
    lines: Events, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """On without a name: beside the process. Off: to stderr, although a file is named."""
    assert lines({"ROBUSTNESS_LOG_TO_FILE": "true"}) == NORMAL
    assert lines({"ROBUSTNESS_LOG_TO_FILE": "false"}) == []
    assert len(capfd.readouterr().err.splitlines()) == len(NORMAL)
    assert lines({"ROBUSTNESS_LOG_TO_FILE": "true", "LANDSCAPE_LOG__FILE": ""}) == []
    assert len((tmp_path / config.LOG_FILE).read_text().splitlines()) == len(NORMAL)


@pytest.mark.parametrize("seed", config.SEED_NAMES)
def test_our_name_goes_before_the_seeds(seed: str) -> None:
    """Both say the same; whoever sets both means ours."""
    ours = config.SEED_NAMES[seed]
    field = ours.rpartition("__")[2].lower()
    for value, meant in (("true", True), ("0", False)):
        assert getattr(config.load({seed: value}).log, field) is meant
        assert getattr(config.load({ours: value, seed: "nonsense"}).log, field) is meant


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"ROBUSTNESS_LOG_JOBQUEUE": "true"}, "did you mean ROBUSTNESS_LOG_JOB_QUEUE?"),
        ({"ROBUSTNESS_DEBUG_ENABLED": "perhaps"}, "ROBUSTNESS_DEBUG_ENABLED: expected true or false"),
    ],
    ids=["name", "value"],
)
def test_a_wrong_switch_is_refused_by_its_name(environment: Mapping[str, str], said: str) -> None:
    """Nothing is worse than a switch that silently does nothing."""
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        config.load(environment)


def test_every_component_is_a_module_that_writes(tmp_path: Path) -> None:
    """A renamed module would leave its switch without effect."""
    root = Path(config.__file__).parents[1]
    for name in sum(log.COMPONENTS.values(), ()):
        text = (root / f"{name.replace('.', '/')}.py").read_text()
        assert "log.get(__name__)" in text, name
    assert logging.getLogger("shared").level == logging.NOTSET
