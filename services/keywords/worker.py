"""Entry point: `landscape worker keywords`."""

from services.keywords.provider import PROVIDER, handle
from shared.runtime.serve import serve

broker = serve(PROVIDER, handle)
