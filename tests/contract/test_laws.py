"""Laws that every capability keeps; none of them knows one by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.adapters.lake import Lake
from ml.adapters.quality import audit, refusal
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.capability import Known, Window, faults
from ml.core.gate import decide
from ml.settings import PROJECT
from tests.contract.cases import SEED, Case, ordered, saved, shuffled, whole


def test_the_folder_holds_what_a_capability_must_offer(case: Case) -> None:
    """Each module is there with its functions and their parameters; what is missing is said in words."""
    assert faults(case.capability) == []


def test_same_seed_same_sample(case: Case) -> None:
    """The sample is decided by its seed."""
    again = case.part("sample").sample(SEED).tables
    assert {name: whole(name, table) for name, table in again.items()} == case.tables


def test_same_seed_same_model(case: Case, tmp_path: Path) -> None:
    """Two fits on the same features with the same seed save the same bytes."""
    assert saved(case.fit(case.known), tmp_path / "a") == saved(case.old, tmp_path / "b")


def test_refit_forgets(case: Case, tmp_path: Path) -> None:
    """A model fitted twice is the model of its second fit."""
    twice = case.fit(case.known).fit(case.serve)
    assert saved(twice, tmp_path / "a") == saved(case.young, tmp_path / "b")


def test_inputs_are_left_alone(case: Case) -> None:
    """Fitting, evaluating and scoring change nothing in the features and the truth."""
    copies = {name: pa.table(table.to_pydict(), schema=table.schema) for name, table in case.known.items()}
    truth = pa.table(case.truth.to_pydict(), schema=case.truth.schema)
    model = case.fit(case.known)
    case.part("evaluate").evaluate({"challenger": model}, case.known, case.truth, case.capability.params)
    case.score(model, case.known)
    assert dict(case.known) == copies
    assert case.truth == truth


def test_row_order_of_the_shop_is_irrelevant(case: Case) -> None:
    """Shuffled contract tables give the same features."""
    mixed = case.build({name: shuffled(table) for name, table in case.tables.items()}, case.cutoff)
    for name, table in case.known.items():
        assert ordered(mixed[name]) == ordered(table), name


def test_row_order_of_features_is_irrelevant(case: Case, tmp_path: Path) -> None:
    """Shuffled features give the same model and the same rows."""
    mixed = Known({name: shuffled(table) for name, table in case.known.items()}, case.known.windows)
    model, other = case.old, case.fit(mixed)
    assert saved(other, tmp_path / "a") == saved(model, tmp_path / "b")
    assert case.score(other, mixed) == case.score(model, case.known)


def test_what_a_sample_is_drawn_by_is_there(case: Case) -> None:
    """Each table and column that the spec draws by exists among the features: a wrong name would end a large shop's night."""
    tables = {**case.known, "truth": case.truth}
    for table, columns in case.capability.draws.items():
        assert set(columns) <= set(tables[table].column_names), table


def test_rows_after_the_cutoff_change_nothing(case: Case) -> None:
    """Features at a time are the same whether or not the tables hold what became known later."""
    early = {name: _known_before(case, name) for name in case.tables}
    for name, table in case.build(early, case.cutoff).items():
        assert ordered(table) == ordered(case.known[name]), name


def test_optional_tables_may_be_absent(case: Case) -> None:
    """With the tables that it needs alone, a capability still fills every table that it publishes."""
    needed = {name: case.tables[name] for name in case.capability.needs}
    features = Known(case.build(needed, case.as_of))
    for name, table in case.score(case.fit(features), features).items():
        assert len(table), name


def test_units_one_by_one_give_the_batch(case: Case) -> None:
    """One shard per unit gives the rows of a single shard, in the same order, and the same of what belongs to no shard."""
    single = case.score(case.young, case.serve, shards=case.part("score").units(case.serve))
    for name, table in case.rows.items():
        assert single[name].combine_chunks() == table.combine_chunks(), name


def test_saved_model_scores_like_the_fitted_one(case: Case, tmp_path: Path) -> None:
    """A model that was saved and loaded publishes the same rows and saves the same bytes."""
    baseline = case.part("model").fit_baseline(case.known, case.capability.params, SEED)
    for name, model in {"fit": case.old, "fit_baseline": baseline}.items():
        files = saved(model, tmp_path / name / "a")
        loaded = case.part("model").load(tmp_path / name / "a")
        assert case.score(loaded, case.serve) == case.score(model, case.serve)
        assert saved(loaded, tmp_path / name / "b") == files


def test_rows_are_as_the_spec_says(case: Case) -> None:
    """Published rows have the spec's columns and types, a unique key, no null where none may be, and finite numbers."""
    tables = case.rows
    assert list(tables) == [table.name for table in case.capability.publishes]
    for published in case.capability.publishes:
        _check(tables[published.name], published)
        assert len(tables[published.name])


def test_expected_units_are_there(case: Case) -> None:
    """On the sample at least nine of ten of the units that each published table should have are in it."""
    tables = case.rows
    expected = case.part("score").expected(case.serve)
    for published in case.capability.publishes:
        units = pc.count_distinct(tables[published.name][published.key[0]]).as_py()
        assert 0.9 * expected[published.name] <= units, published.name


def test_nothing_known_is_no_fault(case: Case) -> None:
    """A model fitted on no rows at all scores a full shop, and a full model scores an empty one."""
    nothing = _emptied(case.serve)
    blank, model = case.fit(nothing), case.young
    for published in case.capability.publishes:
        _check(case.score(blank, case.serve)[published.name], published)
        assert len(case.score(model, nothing)[published.name]) == 0


def test_ids_newer_than_the_model_are_scored(case: Case) -> None:
    """An older model scores a younger shop: units that it never saw get their rows."""
    old, new = case.old, case.young
    key = case.capability.publishes[0]
    seen = [pc.unique(case.score(model, case.serve)[key.name][key.key[0]]).sort() for model in (old, new)]
    assert seen[0] == seen[1]


def test_evaluation_is_per_unit(case: Case) -> None:
    """Every model of an evaluation is judged on the same units, and the gate's metric is the mean over them."""
    metric, evaluations = case.capability.gate.metric, _evaluations(case)
    assert len({len(evaluation.per_unit) for evaluation in evaluations.values()}) == 1
    for evaluation in evaluations.values():
        assert np.isfinite(list(evaluation.metrics.values())).all()
        np.testing.assert_allclose(evaluation.metrics[metric], evaluation.per_unit.mean())


def test_planted_answer_is_found(case: Case) -> None:
    """On the sample the model beats its baseline by more than chance: the gate lets it through."""
    evaluations, gate = _evaluations(case), case.capability.gate
    decision = decide(
        evaluations["challenger"].per_unit,
        None,
        evaluations[gate.baseline].per_unit,
        same_recipe=False,
        gate=gate,
        seed=SEED,
    )
    assert decision.outcome == "promote", decision.why


def _emptied(known: Known) -> Known:
    """The same tables without rows, in the windows too."""

    def empty(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        return {name: table.slice(0, 0) for name, table in tables.items()}

    windows = [Window(w.as_of, empty(w.features), w.truth.slice(0, 0)) for w in known.windows]
    return Known(empty(known), windows)


def _evaluations(case: Case) -> dict:
    model, params = case.part("model"), case.capability.params
    models = {
        "challenger": case.old,
        case.capability.gate.baseline: model.fit_baseline(case.known, params, SEED),
    }
    return case.part("evaluate").evaluate(models, case.known, case.truth, params)


def _check(table: pa.Table, published) -> None:
    assert table.column_names == list(published.column_names)
    keys = table.select(list(published.key)).to_pylist()
    assert len({tuple(key.values()) for key in keys}) == len(keys), f"{published.name}: duplicate key"
    for column in published.columns:
        values = table[column.name]
        assert values.type == ARROW[column.kind], f"{published.name}.{column.name}"
        assert column.nullable or values.null_count == 0, f"{published.name}.{column.name} has nulls"
        if column.kind == "number":
            assert pc.all(pc.is_finite(values.drop_null())).as_py() in {True, None}, f"{published.name}.{column.name}"


def _known_before(case: Case, name: str) -> pa.Table:
    """The rows of a contract table that were known before the cutoff, as a snapshot of that day has them."""
    table, contract = case.tables[name], TABLES[name]
    before = pa.scalar(case.cutoff, pa.timestamp("us", "UTC"))
    if contract.known_with and not contract.event_time:
        column = contract[contract.known_with]
        parent, key = column.references.split(".")
        return table.filter(pc.is_in(table[column.name], _known_before(case, parent)[key].combine_chunks()))
    for column in filter(None, (contract.event_time, contract.known_time)):
        table = table.filter(pc.fill_null(pc.less(table[column], before), True))
    return table


def test_each_published_table_passes_its_suite_and_its_corruption_fails(case: Case, tmp_path: Path) -> None:
    """The audit lets the sample's tables through, and stops a doubled row and a null."""
    lake = Lake(str(tmp_path))
    tables = case.rows
    for published in case.capability.publishes:
        suite, table = PROJECT / "expectations" / "ml" / f"{published.name}.json", tables[published.name]
        nulled = pa.array([None, *table[published.key[0]].to_pylist()[1:]], table[published.key[0]].type)
        corrupt = {
            "doubled": pa.concat_tables([table, table.slice(0, 1)]),
            "nulled": table.set_column(0, pa.field(published.key[0], nulled.type), nulled),
        }
        for name, rows in {"whole": table, **corrupt}.items():
            folder = lake.join(published.name, name)
            lake.write_batches(f"{folder}/00000.parquet", rows.to_batches())
            refused = refusal([audit(published, lake, folder, suite, {"rows": float(len(rows)), "coverage": 1.0})])
            assert bool(refused) is (name != "whole"), f"{published.name} {name}: {refused}"
