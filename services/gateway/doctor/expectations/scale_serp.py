"""Scale SERP: GET /account tells the credits left, and costs none."""

from typing import Any

from services.gateway.doctor.expectation import Expectation, caller
from shared.config import Provider as Own
from shared.domain.provider import Request


def _no_credits(answer: Any, _own: Own) -> str:
    return "no credits are left" if answer["account_info"]["credits_remaining"] <= 0 else ""


EXPECTATION = Expectation(
    caller("scale_serp", "serp", "https://api.scaleserp.com", ("query", "api_key")),
    Request("/account"),
    price="free",
    source="https://docs.trajectdata.com/scaleserp/account-api",
    fields={
        "request_info.success": "boolean",
        "account_info.credits_used": "integer",
        "account_info.credits_remaining": "integer",
        "account_info.credits_reset_at": "string",
        "account_info.credits_limit?": "integer",
        "account_info.topup_credits_remaining?": "integer",
        "account_info.api_key?": "string",
        "account_info.name?": "string",
        "account_info.email?": "string",
        "account_info.plan?": "string",
        "account_info.timezone?": "string",
        "account_info.destinations_used?": "integer",
        "account_info.destinations_limit?": "integer",
        "account_info.destinations_available?": "integer",
        "account_info.batches_used?": "integer",
        "account_info.batches_limit?": "integer",
        "account_info.batches_available?": "integer",
        "account_info.account_balance_usd?": "number",
        "account_info.account_balance_message?": "string",
        "account_info.usage_history?": "any",
        "account_info.status?": "any",
    },
    tells=("account_info.credits_remaining",),
    objection=_no_credits,
)
