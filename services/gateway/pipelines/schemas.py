"""What the pipeline endpoints answer."""

from datetime import datetime
from uuid import UUID

import msgspec

from services.gateway.actor import Actor, Reason
from shared.domain.pipeline import Merged, PipelineConfig
from shared.store.checkpoints import Checkpoint
from shared.store.control import Action
from shared.store.pipelines import Listed, Pipeline
from shared.store.schedules import Starter

BASE = "/api/v1"


class Links(msgspec.Struct, frozen=True, rename={"itself": "self"}):
    """Where to go on from a pipeline."""

    itself: str
    progress: str
    report: str
    report_html: str
    audit: str


class Started(msgspec.Struct, frozen=True):
    """A pipeline has been started."""

    pipeline_id: UUID
    state: str
    items: int
    """Searches; what they find comes on top."""
    merged: list[Merged]
    """Keywords that are the same search as an earlier one."""
    warnings: list[str]
    links: Links


class Detail(msgspec.Struct, frozen=True):
    """One pipeline."""

    pipeline_id: UUID
    state: str
    priority: int
    created_at: datetime
    ended_at: datetime | None
    config_hash: str
    config: PipelineConfig
    """As frozen at the start."""
    schedule: Starter | None
    """That started it; null: none did, or it was deleted, or it was more than a year ago."""
    links: Links


class Summary(msgspec.Struct, frozen=True):
    """A pipeline in the list."""

    pipeline_id: UUID
    name: str
    state: str
    priority: int
    created_at: datetime
    ended_at: datetime | None
    items: int
    open: int
    budget: float | None
    """What it may spend in all; null: no limit."""
    committed: float | None
    """Spent, or set aside for calls whose cost is not known yet; null without a budget."""
    links: Links


class PipelinePage(msgspec.Struct, frozen=True):
    """Pipelines, the newest first."""

    items: list[Summary]
    next_cursor: str | None
    """For `cursor` of the next request; null at the end."""


class SteerRequest(msgspec.Struct, frozen=True):
    """Who pauses, unpauses or cancels a pipeline, and why."""

    actor: Actor = ""
    reason: Reason = ""
    dry_run: bool = False
    """Only say what it would come to: all of it is done, and taken back."""


class ResumeRequest(msgspec.Struct, frozen=True):
    """How an ended or paused pipeline goes on."""

    resume_failed_only: bool = False
    """Leave out what was given up or cancelled."""
    actor: Actor = ""
    reason: Reason = ""
    dry_run: bool = False
    """Only say what it would come to: all of it is done, and taken back."""


class CheckpointRequest(msgspec.Struct, frozen=True):
    """A checkpoint of the present position."""

    name: str
    actor: Actor = ""
    reason: Reason = ""


class RewindRequest(msgspec.Struct, frozen=True):
    """How a pipeline goes back to a checkpoint."""

    rebuy: bool = False
    """Buy again what was bought since; else the stored answers answer again."""
    actor: Actor = ""
    reason: Reason = ""
    dry_run: bool = False
    """Only say what it would come to: all of it is done, and taken back."""


class RestartRequest(msgspec.Struct, frozen=True):
    """How a phase is done again."""

    rebuy: bool = False
    """Buy again what the results rest on; else the stored answers answer again."""
    actor: Actor = ""
    reason: Reason = ""
    dry_run: bool = False
    """Only say what it would come to: all of it is done, and taken back."""


class RestartedPhase(msgspec.Struct, frozen=True):
    """A phase of a pipeline is done again."""

    pipeline_id: UUID
    state: str
    phase: str
    set_back: int
    removed: int
    """Items of later phases that only its results had named."""
    facts_expired: int
    checkpoints_removed: int
    links: Links
    dry_run: bool


class Deleted(msgspec.Struct, frozen=True):
    """A pipeline is gone; its calls and the facts they bought stay."""

    pipeline_id: UUID
    items: int
    dry_run: bool


class Steered(msgspec.Struct, frozen=True):
    """Where a pipeline stands after what was done to it; with `dry_run` where it would stand."""

    pipeline_id: UUID
    state: str
    open: int
    """Items that are pending or processing: a pause keeps them, a cancelled pipeline skips those not in hand."""
    links: Links
    dry_run: bool


class Resumed(msgspec.Struct, frozen=True):
    """A pipeline goes on."""

    pipeline_id: UUID
    state: str
    items: int
    """That are due again, without those that are only computed anew."""
    links: Links
    dry_run: bool


class WentBack(msgspec.Struct, frozen=True):
    """A pipeline went back to a checkpoint, and goes on from there."""

    pipeline_id: UUID
    state: str
    set_back: int
    removed: int
    """Items that only later results had named."""
    facts_expired: int
    checkpoints_removed: int
    links: Links
    dry_run: bool


class CheckpointPage(msgspec.Struct, frozen=True):
    """Checkpoints, newest first."""

    items: list[Checkpoint]


class ActionPage(msgspec.Struct, frozen=True):
    """What operators did, newest first."""

    items: list[Action]


def links(pipeline_id: UUID) -> Links:
    """Paths, without a host: whoever got here knows it."""
    itself = f"{BASE}/pipeline/{pipeline_id}"
    return Links(
        itself=itself,
        progress=f"{BASE}/monitoring/pipeline/{pipeline_id}/progress",
        report=f"{itself}/report",
        report_html=f"{itself}/report?format=html",
        audit=f"{itself}/audit",
    )


def detail(pipeline: Pipeline, starter: Starter | None) -> Detail:
    """With links."""
    return Detail(**msgspec.structs.asdict(pipeline), schedule=starter, links=links(pipeline.pipeline_id))


def summary(pipeline: Listed) -> Summary:
    """With links."""
    return Summary(**msgspec.structs.asdict(pipeline), links=links(pipeline.pipeline_id))
