"""Things that people call by name and the API by id."""

from uuid import UUID

from services.gateway.cli.api import Api
from shared.errors import ConflictError, NotFoundError


def identity(gateway: Api, path: str, named: str) -> str:
    """The id of what GET `path` lists under this name, in whatever case; an id is its own.

    Raises NotFoundError, and ConflictError when several have the name.
    """
    try:
        return str(UUID(named))
    except ValueError:
        items = gateway.ask("GET", path)["items"]
    what = path.strip("/")
    ids = [one[f"{what[:-1]}_id"] for one in items if one["name"].casefold() == named.casefold()]
    if not ids:
        raise NotFoundError(f"none of the {what} is called {named!r}; `landscape {what}` lists them")
    if len(ids) > 1:
        raise ConflictError(f"{len(ids)} of the {what} are called {named!r}; give the id of one")
    return str(ids[0])
