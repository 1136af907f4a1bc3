"""Decodes a JSON body into a struct, or says everything that is wrong with it, field by field.

msgspec stops at the first mistake; here the whole body is walked. A value's meaning is checked in the
same walk by a function in its annotation: `Annotated[str, Meta(extra={"check": known_region})]`, which
raises ValueError with the text for the problem.
"""

import difflib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from shared.errors import InputError, MalformedError, Problem

T = TypeVar("T", bound=msgspec.Struct)

#: Problems reported at once; the walk ends there.
PROBLEMS = 100
#: Characters of a wrong value that a problem repeats, and of a problem's text.
_SHOWN, _TEXT = 60, 300

_Types = tuple[type[inspect.Type], ...]
_List = inspect.ListType | inspect.VarTupleType
#: JSON's kinds: how they are called, what Python has for them, and the types that accept them.
_KINDS: tuple[tuple[str, type | tuple[type, ...], _Types], ...] = (
    ("null", type(None), (inspect.NoneType,)),
    ("true or false", bool, (inspect.BoolType,)),
    ("a number", (int, float), (inspect.IntType, inspect.FloatType)),
    ("text", str, (inspect.StrType, inspect.LiteralType)),
    ("a list", list, (inspect.ListType, inspect.VarTupleType)),
    ("an object", dict, (inspect.StructType, inspect.DictType)),
)


def decode(body: bytes, type_: type[T]) -> T:
    """The body as a struct. Raises MalformedError when it is no JSON, InputError with all its problems."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MalformedError(Problem("", f"the body is not JSON: {reason}")) from None
    problems: list[Problem] = []
    _walk(raw, inspect.type_info(type_), "", problems)
    refuse(problems)
    return msgspec.convert(raw, type_)


def refuse(problems: list[Problem]) -> None:
    """Raise InputError when there are any problems."""
    if len(problems) >= PROBLEMS:
        problems = [*problems[:PROBLEMS], Problem("", f"only the first {PROBLEMS} problems are listed")]
    if problems:
        raise InputError(*problems)


def pointer(*parts: str | int) -> str:
    """JSON pointer (RFC 6901) of a path; overlong names are cut."""
    return "".join("/" + str(part)[:_SHOWN].replace("~", "~0").replace("/", "~1") for part in parts)


def nearest(name: str, known: tuple[str, ...]) -> str:
    """What could have been meant, as the end of a problem's sentence."""
    near = difflib.get_close_matches(name[:_SHOWN], known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"


def _walk(value: Any, type_: inspect.Type, at: str, problems: list[Problem]) -> None:
    if len(problems) >= PROBLEMS:
        return
    asked, (type_, check) = type_, _resolve(type_, value)
    before = len(problems)
    if not _accepts(type_, value):
        problems.append(Problem(at, f"must be {_expected(asked)}, not {_shown(value)}"))
    elif isinstance(type_, inspect.StructType):
        _walk_struct(value, type_, at, problems)
    elif isinstance(type_, inspect.DictType):
        for name, part in value.items():
            _walk(name, type_.key_type, at + pointer(name), problems)
            _walk(part, type_.value_type, at + pointer(name), problems)
    elif isinstance(type_, _List):
        _walk_list(value, type_, at, problems)
    elif wrong := _outside(value, type_):
        problems.append(Problem(at, wrong))
    if check and len(problems) == before:
        try:
            check(value)
        except ValueError as error:
            problems.append(Problem(at, str(error)[:_TEXT]))


def _resolve(type_: inspect.Type, value: Any) -> tuple[inspect.Type, Callable[[Any], object] | None]:
    """Without metadata, and the member of a union that can take the value; with the check, if any."""
    check = None
    while isinstance(type_, inspect.Metadata | inspect.UnionType):
        if isinstance(type_, inspect.UnionType):
            type_ = next((member for member in type_.types if _accepts(member, value)), type_.types[0])
        else:
            check, type_ = (type_.extra or {}).get("check", check), type_.type
    return type_, check


def _walk_list(value: list[Any], type_: _List, at: str, problems: list[Problem]) -> None:
    if len(value) < (type_.min_length or 0):
        problems.append(Problem(at, "must not be empty"))
    if type_.max_length is not None and len(value) > type_.max_length:
        problems.append(Problem(at, f"has {len(value):,} entries; at most {type_.max_length:,} are allowed"))
        return
    for n, part in enumerate(value):
        _walk(part, type_.item_type, f"{at}/{n}", problems)


def _walk_struct(value: dict[str, Any], type_: inspect.StructType, at: str, problems: list[Problem]) -> None:
    fields = {field.encode_name: field for field in type_.fields}
    problems += [
        Problem(at + pointer(name), f"is not a field here; {nearest(name, tuple(fields))}")
        for name in value
        if name not in fields
    ]
    for name, field in fields.items():
        if name in value:
            _walk(value[name], field.type, f"{at}/{name}", problems)
        elif field.required:
            problems.append(Problem(f"{at}/{name}", f"is missing; must be {_expected(field.type)}"))


def _accepts(type_: inspect.Type, value: Any) -> bool:
    type_ = _bare(type_)
    # The first kind that fits decides: in Python, unlike in JSON, true is a number too.
    types = next(types for _, python, types in _KINDS if isinstance(value, python))
    return isinstance(type_, types) and not (isinstance(value, float) and isinstance(type_, inspect.IntType))


def _outside(value: Any, type_: inspect.Type) -> str:
    if isinstance(type_, inspect.LiteralType):
        known = tuple(str(name) for name in type_.values)
        return "" if value in known else f"{_shown(value)} is not known; {nearest(value, known)}"
    if isinstance(type_, inspect.IntType | inspect.FloatType) and not (
        (type_.ge is None or value >= type_.ge) and (type_.le is None or value <= type_.le)
    ):
        return f"must be {_expected(type_)}, not {_shown(value)}"
    return ""


def _bare(type_: inspect.Type) -> inspect.Type:
    while isinstance(type_, inspect.Metadata):
        type_ = type_.type
    return type_


def _expected(type_: inspect.Type) -> str:
    type_ = _bare(type_)
    if isinstance(type_, inspect.UnionType):
        return " or ".join(_expected(member) for member in type_.types)
    if isinstance(type_, inspect.IntType | inspect.FloatType):
        name = "a whole number" if isinstance(type_, inspect.IntType) else "a number"
        return name if type_.ge is None else f"{name} from {type_.ge} to {type_.le}"
    return next(name for name, _, types in _KINDS if isinstance(type_, types))


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
