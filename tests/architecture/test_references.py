"""The pages about API and errors say what the code says."""

from types import ModuleType

import pytest

from tests.architecture import api_reference, errors_reference


@pytest.mark.parametrize("module", [api_reference, errors_reference], ids=["api", "errors"])
def test_a_page_is_up_to_date(module: ModuleType) -> None:
    """Made anew by `python -m` and the module's name."""
    assert module.REFERENCE.read_text() == module.reference()
