"""The messages of a chat completion."""

from typing import Any

from services.simulator.openai_errors import RefusedError, wrong_type, wrong_value

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")


def read(given: Any) -> list[tuple[str, str]]:
    """Role and text of each. Raises RefusedError."""
    if not isinstance(given, list):
        raise wrong_type("messages", "an array of objects", given)
    if not given:
        raise RefusedError(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "messages",
            "empty_array",
        )
    return [_message(f"messages[{number}]", message) for number, message in enumerate(given)]


def _message(at: str, given: Any) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise wrong_type(at, "an object", given)
    if unknown := sorted(given.keys() - {"role", "content", "name", "refusal"}):
        raise RefusedError(
            f"Unknown parameter: '{at}.{unknown[0]}'.", f"{at}.{unknown[0]}", "unknown_parameter"
        )
    role = given.get("role")
    if role is None:
        raise RefusedError(
            f"Missing required parameter: '{at}.role'.", f"{at}.role", "missing_required_parameter"
        )
    if role not in _ROLES:
        raise wrong_value(f"{at}.role", role, _ROLES)
    if role in ("tool", "function"):
        raise RefusedError(
            f"Invalid parameter: messages with role '{role}' must be a response to a preceding message with "
            "'tool_calls'.",
            f"{at}.role",
            None,
        )
    content = given.get("content")
    if content is None and role == "assistant":
        return role, ""
    if isinstance(content, str):
        return role, content
    if not isinstance(content, list):
        raise wrong_type(f"{at}.content", "one of a string or array of objects", content)
    return role, "\n".join(_part(f"{at}.content[{number}]", part) for number, part in enumerate(content))


def _part(at: str, given: Any) -> str:
    if not isinstance(given, dict) or given.get("type") != "text":
        raise wrong_value(f"{at}.type", given.get("type") if isinstance(given, dict) else given, ("text",))
    if not isinstance(given.get("text"), str):
        raise wrong_type(f"{at}.text", "a string", given.get("text"))
    text: str = given["text"]
    return text
