"""Two simulated businesses: of the usual size for what holds on average, a small one for the rest."""

from __future__ import annotations

import pytest

from training.sample import SimulatedBusiness, simulate


@pytest.fixture(scope="session")
def business() -> SimulatedBusiness:
    return simulate(5000, 7)


@pytest.fixture(scope="session")
def small() -> SimulatedBusiness:
    return simulate(120, 3)
