"""Entry point: `landscape worker pages`."""

from services.pages.provider import PROVIDER, handle
from shared.runtime.serve import serve

broker = serve(PROVIDER, handle)
