"""Entry point: `landscape worker serp`."""

from services.serp.provider import PROVIDER, handle
from shared.runtime.serve import serve

broker = serve(PROVIDER, handle)
