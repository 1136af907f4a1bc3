"""The simulated token endpoint of Google: what it gives out, for how long, and how it fails."""

import pytest

from shared.testing.eventually import wait_until
from tests.services.test_simulator_google_ads import ask, grant, token
from tests.services.test_simulator_google_ads_errors import codes
from tests.services.test_simulator_process import Simulator


def test_refresh_token_is_exchanged_for_an_access_token(sim: Simulator) -> None:
    """The documented four fields; the ledger counts a call that costs and sells nothing."""
    answer = grant(sim).json()
    assert set(answer) == {"access_token", "expires_in", "scope", "token_type"}
    assert (answer["expires_in"], answer["token_type"]) == (3599, "Bearer")
    assert answer["scope"] == "https://www.googleapis.com/auth/adwords"
    page = sim.page("oauth")
    assert (page["calls"], page["units"], page["subjects"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"refresh_token": "invalid-token"}, 400, "invalid_grant"),
        ({"client_secret": "invalid-secret"}, 401, "invalid_client"),
        ({"client_id": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_wrong_form_is_refused_with_an_error_that_is_text(
    sim: Simulator, changes: dict[str, str], status: int, error: str
) -> None:
    """A string here, an object in the errors of the API."""
    answer = grant(sim, **changes)
    assert answer.status_code == status
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("invalid_grant", 400, "invalid_grant"),
        ("invalid_client", 401, "invalid_client"),
        ("unauthorized_client", 400, "unauthorized_client"),
        ("invalid_scope", 400, "invalid_scope"),
        ("internal_failure", 400, "internal_failure"),
        ("request_timeout", 408, "request_timeout"),
        ("rate_limit", 429, "rate_limit_exceeded"),
        ("server_error", 500, "server_error"),
        ("temporarily_unavailable", 503, "temporarily_unavailable"),
        ("gateway_timeout", 504, "server_error"),
    ],
)
def test_token_endpoint_fails_in_its_words(sim: Simulator, fault: str, status: int, error: str) -> None:
    """Lasting refusals and passing ones, once as told."""
    sim.fault("oauth", fault, times=1)
    answer = grant(sim)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert grant(sim).status_code == 200


def test_token_works_until_it_expires(sim: Simulator) -> None:
    """Accepted at first, after its second told as expired; one issued later works again."""
    sim.control("POST", "settings", {"oauth_token_seconds": 1})
    granted = grant(sim).json()
    assert granted["expires_in"] == 1
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    assert ask(sim, headers=headers).status_code == 200
    wait_until(lambda: ask(sim, headers=headers).status_code == 401)
    assert codes(ask(sim, headers=headers)) == [{"authenticationError": "OAUTH_TOKEN_EXPIRED"}]
    sim.control("POST", "settings", {"oauth_token_seconds": 60})
    assert ask(sim).status_code == 200


def test_token_may_be_given_out_expired(sim: Simulator) -> None:
    """A life of no seconds plays a client whose clock is wrong; the refusal costs nothing."""
    sim.control("POST", "settings", {"oauth_token_seconds": 0})
    answer = ask(sim)
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert sim.page("google_ads")["units"] == 0


def test_token_that_was_never_given_out_is_refused(sim: Simulator) -> None:
    """A bare 401 without a GoogleAdsFailure: made up, altered, of another kind, or missing."""
    issued = token(sim)
    altered = issued[:12] + ("A" if issued[12] != "A" else "B") + issued[13:]
    for value in ("Bearer made-up", f"Bearer {altered}", f"Basic {issued}", "Bearer ya29.sim-!", ""):
        answer = ask(sim, headers={"Authorization": value})
        assert answer.status_code == 401
        assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
        assert codes(answer) == []
        assert answer.json()["error"]["details"][0]["@type"].endswith("google.rpc.ErrorInfo")
