"""The 28 tests of Google's ML Test Score, each with the tests here that are it; docs/ml-test-score.md is made from a run of them.

``./nightshift test -m ml_test --ml-test-score=docs/ml-test-score.md`` runs them and writes the page.

References
----------
Breck, Cai, Nielsen, Salib & Sculley, "The ML test score: a rubric for ML production readiness and technical debt
reduction", IEEE Big Data 2017.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SECTIONS = ("Features and data", "Model development", "Infrastructure", "Monitoring")
LAWS, LIVE, MONITOR = (
    "tests/contract/test_laws.py",
    "tests/contract/test_live_laws.py",
    "tests/contract/test_monitor_laws.py",
)
RISK, NIGHTS = "tests/capabilities/risk", "tests/live"


@dataclass(frozen=True)
class Item:
    """One of the 28: its words, and the tests that are it, as ``file::function``."""

    section: int
    words: str
    tests: tuple[str, ...]


ITEMS = (
    Item(
        0,
        "Feature expectations are captured in a schema",
        (
            f"{LAWS}::test_each_published_table_passes_its_suite_and_its_corruption_fails",
            "tests/adapters/test_quality.py::test_every_table_has_a_suite_with_reasons",
        ),
    ),
    Item(
        0,
        "All features are beneficial",
        (
            "tests/capabilities/sentiment/test_sentiment_network.py::test_a_network_that_does_not_help_is_not_kept",
            f"{RISK}/test_risk_leakage.py::test_shuffled_labels_teach_nothing",
        ),
    ),
    Item(
        0,
        "No feature's cost is too much",
        (
            f"{NIGHTS}/test_decided.py::test_the_verdict_has_all_numbers",
            f"{NIGHTS}/test_live.py::test_only_what_is_new_is_read",
        ),
    ),
    Item(
        0,
        "Features adhere to meta-level requirements",
        (
            "tests/adapters/test_extract.py::test_personal_values_are_hashed",
            f"{LAWS}::test_rows_after_the_cutoff_change_nothing",
        ),
    ),
    Item(
        0,
        "The data pipeline has appropriate privacy controls",
        (
            "tests/erasure/test_erasure.py::test_every_published_table_with_a_customer_is_reached",
            "tests/adapters/test_postgres.py::test_roles_have_their_rights_and_no_more",
        ),
    ),
    Item(0, "New features can be added quickly", ("tests/cli/test_new.py::test_it_keeps_every_law",)),
    Item(
        0,
        "All input feature code is tested",
        (
            f"{LAWS}::test_row_order_of_the_shop_is_irrelevant",
            f"{LAWS}::test_optional_tables_may_be_absent",
            f"{LAWS}::test_nothing_known_is_no_fault",
        ),
    ),
    Item(
        1,
        "Every model specification undergoes review and is checked in",
        (
            f"{MONITOR}::test_a_version_has_a_card_a_signature_and_an_example",
            f"{NIGHTS}/test_decided.py::test_a_challenger_waits_for_a_person",
        ),
    ),
    Item(
        1,
        "Offline and online metrics correlate",
        (
            f"{MONITOR}::test_a_batch_is_judged_by_the_gates_own_code",
            f"{NIGHTS}/test_monitor.py::test_a_batch_is_judged_by_what_came_after_it",
        ),
    ),
    Item(
        1,
        "All hyperparameters have been tuned",
        ("tests/learn/test_boosters_tuning.py::test_what_foretells_later_orders_better_is_chosen",),
    ),
    Item(
        1,
        "The impact of model staleness is known",
        (
            f"{NIGHTS}/test_training.py::test_a_champion_does_not_grow_old_for_having_won",
            f"{NIGHTS}/test_monitor.py::test_what_does_worse_than_promised_is_told_once",
        ),
    ),
    Item(1, "A simpler model is not better", (f"{LAWS}::test_planted_answer_is_found",)),
    Item(
        1,
        "Model quality is sufficient on all important data slices",
        (f"{RISK}/test_risk_model.py::test_a_slice_that_a_model_fails_stops_its_promotion",),
    ),
    Item(
        1,
        "The model has been tested for considerations of inclusion",
        (
            f"{RISK}/test_risk_model.py::test_a_country_held_far_more_often_is_flagged",
            "tests/capabilities/sentiment/test_sentiment_odd_texts.py::test_of_a_language_that_was_never_read_the_stars_decide",
        ),
    ),
    Item(
        2,
        "Training is reproducible",
        (f"{LAWS}::test_same_seed_same_model", f"{NIGHTS}/test_decided.py::test_a_night_made_again_is_equal"),
    ),
    Item(
        2,
        "Model specification code is unit tested",
        (f"{LAWS}::test_refit_forgets", "tests/core/test_capability.py::test_what_a_folder_lacks_is_said_in_words"),
    ),
    Item(
        2,
        "The full ML pipeline is integration tested",
        (
            f"{NIGHTS}/test_past_and_future.py::test_the_same_and_later_nights_publish",
            "tests/dags/test_runs.py::test_a_good_night_publishes",
        ),
    ),
    Item(
        2,
        "Model quality is validated before it is served",
        (
            "tests/core/test_gate.py::test_equal_models_pass_as_often_as_the_gate_says",
            "tests/core/test_gate.py::test_a_winner_is_promoted_with_its_numbers",
        ),
    ),
    Item(
        2,
        "The model allows debugging by a single example",
        (
            f"{RISK}/test_risk_model.py::test_contributions_add_up_to_the_log_odds",
            f"{LAWS}::test_units_one_by_one_give_the_batch",
        ),
    ),
    Item(
        2,
        "Models are canaried before they serve",
        (f"{NIGHTS}/test_experiment.py::test_what_an_arm_did_is_told_and_a_canary_goes_back",),
    ),
    Item(
        2,
        "Serving models can be rolled back",
        (
            "tests/adapters/test_publish.py::test_rollback_brings_back_all_tables_of_the_batch_before",
            "tests/adapters/test_ops.py::test_a_person_can_bring_an_older_version_back",
        ),
    ),
    Item(
        3,
        "Dependency changes result in notification",
        (
            "tests/pipeline/test_drift.py::test_a_planted_fault_is_found_by_name_and_number",
            "tests/adapters/test_extract.py::test_all_faults_of_the_schema_at_once",
        ),
    ),
    Item(
        3,
        "Data invariants hold in training and serving inputs",
        (
            "tests/adapters/test_quality.py::test_every_planted_fault_in_small_batches",
            f"{NIGHTS}/test_live.py::test_a_broken_order_goes_to_quarantine_and_the_others_on",
        ),
    ),
    Item(
        3,
        "Training and serving features compute the same values",
        (
            f"{LIVE}::test_new_rows_alone_are_scored_as_among_all",
            f"{NIGHTS}/test_live.py::test_the_lane_and_the_night_give_an_order_the_same_row",
        ),
    ),
    Item(
        3,
        "Models are not too stale",
        (
            f"{MONITOR}::test_features_and_predictions_are_watched",
            f"{NIGHTS}/test_training.py::test_the_same_recipe_is_a_refresh",
        ),
    ),
    Item(
        3,
        "The model is numerically stable",
        (f"{LAWS}::test_rows_are_as_the_spec_says", "tests/core/test_gate.py::test_what_is_not_finite_is_an_error"),
    ),
    Item(
        3,
        "No dramatic or slow-leak regression in speed, latency, throughput, memory",
        (
            "tests/dags/test_dags.py::test_night_has_a_deadline",
            "tests/core/test_gate.py::test_bounds_agree_with_theory_in_bounded_memory",
        ),
    ),
    Item(
        3,
        "No regression in prediction quality on served data",
        (
            f"{NIGHTS}/test_monitor.py::test_what_does_worse_than_promised_is_told_once",
            f"{MONITOR}::test_no_truth_is_said_in_words",
        ),
    ),
)
"""In the order of the paper: seven of each section."""

TESTS = frozenset(test for item in ITEMS for test in item.tests)
INTRO = """\
# ML Test Score

<!-- Made from a run by `./nightshift test -m ml_test --ml-test-score=docs/ml-test-score.md`; edit tests/ml_test_score.py. -->

The 28 tests of Breck et al., [The ML Test Score](https://research.google/pubs/pub46555/) (2017). Each counts 1 if all of its
automated tests passed in the run that wrote this page, else 0; the paper's score is the least of the four sections.
"""


def page(outcomes: Mapping[str, Iterable[str]]) -> str:
    """The page, from the outcomes (``passed``, ``failed``, ``skipped``) of the runs of each test.

    A test that was only skipped, or did not run, did not pass.
    """
    passed = {test: set(found) <= {"passed", "skipped"} and "passed" in found for test, found in outcomes.items()}
    scores, parts = [], []
    for number, section in enumerate(SECTIONS):
        rows = []
        for item in (item for item in ITEMS if item.section == number):
            good = all(passed.get(test, False) for test in item.tests)
            rows.append((good, f"| {item.words} | {'; '.join(map(_link, item.tests))} | {'1' if good else '**0**'} |"))
        scores.append(sum(good for good, _ in rows))
        head = f"## {section}: {scores[-1]} of {len(rows)}\n\n| test | automated by | score |\n| --- | --- | --- |\n"
        parts.append(head + "\n".join(row for _, row in rows) + "\n")
    return "\n".join([INTRO, f"**Score: {min(scores)}** ({', '.join(map(str, scores))}).\n", *parts])


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"
