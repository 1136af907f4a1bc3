"""What the pipeline endpoints answer."""

from datetime import datetime
from uuid import UUID

import msgspec

from shared.domain.pipeline import Merged, PipelineConfig
from shared.store.pipelines import Listed, Pipeline

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
    links: Links


class Summary(msgspec.Struct, frozen=True):
    """A pipeline in the list."""

    pipeline_id: UUID
    state: str
    priority: int
    created_at: datetime
    ended_at: datetime | None
    items: int
    open: int
    links: Links


class Page(msgspec.Struct, frozen=True):
    """The newest pipelines."""

    items: list[Summary]


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


def detail(pipeline: Pipeline) -> Detail:
    """With links."""
    return Detail(**msgspec.structs.asdict(pipeline), links=links(pipeline.pipeline_id))


def summary(pipeline: Listed) -> Summary:
    """With links."""
    return Summary(**msgspec.structs.asdict(pipeline), links=links(pipeline.pipeline_id))
