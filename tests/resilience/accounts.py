"""What must hold after every run of the chaos suite: the record's account against the simulator's."""

from dataclasses import dataclass
from typing import Self

from shared.domain.phases import SERP_COLLECTION, VIDEO_ENRICHMENT
from tests.resilience.fragile import Fragile
from tests.resilience.ledgers import differences

PHASES = (SERP_COLLECTION, VIDEO_ENRICHMENT)
PROVIDERS = {"scale_serp": SERP_COLLECTION, "youtube": VIDEO_ENRICHMENT}


@dataclass(frozen=True, slots=True)
class Books:
    """The simulator's ledger at one moment, over both providers."""

    calls: int
    repeated_subjects: int
    faults_injected: int

    @classmethod
    def of(cls, system: Fragile) -> Self:
        ledger = system.ledger()
        pages = [ledger[provider] for provider in PROVIDERS if provider in ledger]
        return cls(*(sum(page[name] for page in pages) for name in cls.__dataclass_fields__))


def assert_accounts(system: Fragile, pipeline_id: str, searches: int, before: Books) -> None:
    """Nothing lost, nothing finished bought again, and no more calls than the disturbance explains.

    A call is needed when its answer is on record as settled. Beyond that there may be those that were in flight when
    something died, answered ones that were not yet recorded included, and those the simulator itself spoilt.
    """
    after = Books.of(system)
    states: dict[str, int] = dict(
        system.ask(
            "SELECT i.phase || ' ' || s.state, count(*) FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)"
            " WHERE pipeline_id = %s AND i.phase = ANY(%s) GROUP BY 1",
            pipeline_id, list(PHASES),
        )
    )  # fmt: skip
    assert states.pop(f"{SERP_COLLECTION} completed") == searches
    assert states.keys() <= {f"{VIDEO_ENRICHMENT} completed"}, f"not everything is completed: {states}"
    twice = "SELECT fact_key FROM provider_facts GROUP BY fact_key HAVING count(*) > 1"
    assert system.ask(twice) == [], "a recorded fact was bought again"

    ((answered, doubtful, subjects, still_open),) = system.ask(
        "SELECT count(*) FILTER (WHERE state = 'settled' AND outcome = 'ok'), count(*) FILTER (WHERE state = 'in_doubt'),"
        " coalesce(sum(subjects) FILTER (WHERE state = 'in_doubt'), 0)::int, count(*) FILTER (WHERE state = 'sent')"
        " FROM provider_calls WHERE pipeline_id = %s",
        pipeline_id,
    )
    assert still_open == 0, "the ledger still has calls under way"
    faults = after.faults_injected - before.faults_injected
    repeated = after.repeated_subjects - before.repeated_subjects
    beyond = after.calls - before.calls - answered
    assert repeated <= subjects, f"{repeated} subjects bought again, {subjects} in doubt"
    assert beyond <= doubtful + faults, f"{beyond} calls too many; {doubtful} in doubt, {faults} faults"
    run = system.run_file
    assert run.simulator_url
    wrong = differences(run.postgres_url, run.simulator_url)
    assert not wrong, "\n".join(wrong)
