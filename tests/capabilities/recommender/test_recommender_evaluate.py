"""What an evaluation looks at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.capabilities.recommender.evaluate import evaluate
from ml.capabilities.recommender.model import fit_baseline
from ml.capabilities.recommender.spec import SPEC
from tests.contract.cases import SEED, Case


def test_of_many_customers_some_are_judged_and_as_among_all() -> None:
    """A draw judges so many customers, the same each time, each as it is judged among all."""
    case = Case(SPEC)
    models = {"baseline": fit_baseline(case.known, SPEC.params, SEED)}
    every = evaluate(models, case.known, case.truth, SPEC.params)["baseline"].per_unit
    few = replace(SPEC.params, judged_customers=len(every) // 2)
    some, again = (evaluate(models, case.known, case.truth, few)["baseline"].per_unit for _ in range(2))
    assert len(some) == len(every) // 2
    np.testing.assert_array_equal(some, again)
    left = iter(every)
    assert all(any(value == other for other in left) for value in some), "not a part of all, in their order"
