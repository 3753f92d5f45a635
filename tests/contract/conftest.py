"""The capabilities under test."""

from __future__ import annotations

import pytest

from ml.registry import CAPABILITIES
from tests.contract.cases import Case


@pytest.fixture(params=list(CAPABILITIES), scope="session")
def _case(request: pytest.FixtureRequest) -> Case:
    return Case(CAPABILITIES[request.param])


@pytest.fixture
def case(_case: Case, request: pytest.FixtureRequest) -> Case:
    """The capability under test; a law that it is excused from is skipped with its spec's reason."""
    if reason := _case.capability.skips.get(request.function.__name__):
        pytest.skip(reason)
    return _case
