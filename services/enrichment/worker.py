"""Entry point: `landscape worker enrichment`."""

from services.enrichment.provider import PROVIDER, handle
from shared.runtime.serve import serve

broker = serve(PROVIDER, handle)
