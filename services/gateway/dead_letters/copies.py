"""The copies of dead letters in Redis, right after the record has changed."""

from collections.abc import Iterable

from services.gateway.dependencies import Gateway
from shared import log
from shared.runtime.dead_letters import COPIES
from shared.store.dead_letters import select_letter_messages

_log = log.get(__name__)


async def renew_copies(gateway: Gateway, queues: Iterable[str]) -> None:
    """Where it cannot be done, the queue's leader does it within seconds, or once Redis is back."""
    if gateway.dead_messages is None:
        return
    try:
        for queue in queues:
            async with gateway.connection() as conn:
                letters = await select_letter_messages(conn, queue, COPIES)
            await gateway.dead_messages.mirror(queue, letters)
    except OSError as error:
        _log.warning("dead_letters_not_copied", error=str(error))
