"""The words that Airflow shows beside a DAG and a task."""

from __future__ import annotations

from collections.abc import Mapping

from ml.core.spec import Capability

TASKS = {
    "extract": """Reads each table of schema `shop` once into the lake, as it was known when the night's day began.

A good snapshot of the same night is used again (the log says which, and what changed since). Refuses a night of the
future and one before the shop's first order. Fails at once if the shop's tables do not fit the contract:
mend the views, then clear this task. Gives the snapshot's ref, `<night>/<attempt>`.""",
    "validate": """Judges every row. Broken ones go to `ml_ops.quarantine` with the rule; the rest goes on.

Fails at once if a table is over its tolerated share: nothing is published, yesterday's tables stay.
Mend the data and trigger the night again (it reads the shop anew).""",
    "prepare": """Makes sure that a model serves (learns one if none does, or if asked to) and builds tonight's features.

Skipped if the capability was not asked for, or waits for a table that the shop does not have.""",
    "score": """Scores one shard of customers, orders or products with the serving model into the lake. One task a shard.""",
    "score_all": """Makes the tables that belong to no shard (what concerns products, segments, the whole shop), once all shards are there.
Fails if a shard is missing.""",
    "publish": """Audits what was scored, loads it beside yesterday's tables and swaps both in at once.

Fails if a shard is missing or the audit refuses: yesterday's tables stay. Skipped in a rehearsal: a night on a sample,
or one that is older than what the shop reads, unless *Publish a night of the past* is on.""",
    "monitor": """Judges each published batch by what happened after it, and looks for drift of the shop's tables, of features and of
predictions. The figures are in `ml_ops.figure`, what was found in `ml_ops.alert`; an alert is told once.

Where a capability's spec says so, a finding starts `train_<capability>` (asset `drift/<capability>`).""",
    "report": """Sums up the night in `ml_ops.night` and in this log, whatever happened before it.

Fails the run if a task failed or a capability neither published nor was skipped.""",
    "train": """Learns, measures on what happened after the training window, and lets the gate decide.

The new model serves from the next night on only if it beats the champion and the baseline by more than chance.
The decision is in this task's XCom, in `ml_ops.promotion` and in MLflow.""",
    "approve": """Waits for a person where `ml_config.approval` (or the capability's spec) says so: *Required Actions* shows the model card
and takes the answer. Without one until the deadline, what `ml_config.approval` says happens.

Who answered what, with which words, is in `ml_ops.promotion`. Skipped where nobody is to be asked.""",
    "score_new": """Reads what became known in the shop since the batch that it sees, refuses what is broken, scores the new rows by
the model that serves and puts them beside the batch, all at one instant.

Skipped while there is no batch to start from, or no model serves. Safe at any time, also while a night runs: a run that
fails or is missed is made good by the next.""",
    "keep": """Keeps the published tables with views and rights, `ml_ops`, `ml_config`, MLflow with its models, and what the lake needs to
make the last night again, at one instant, under `NIGHTSHIFT_BACKUP_URI`; what did not change is kept once. Older backups are
thinned by `NIGHTSHIFT_BACKUP_KEEP`.

Skipped where no address is set. Safe at any time, also while a night runs. Back with `./nightshift restore`.""",
    "tidy": """Drops batches, snapshots, quarantined rows and logs that are older than the retention.

Never the batch that the shop reads, nor the one that a rollback would show. Then erases the customers in `shop.erasure`
from everything that is kept; the receipts are in `ml_ops.erasure`. Waits for the steps of a night that are at work.""",
}


def night(capabilities: Mapping[str, Capability]) -> str:
    """What `night` is, and what each capability publishes."""
    rows = [
        f"| {spec.title} | {spec.question} | {', '.join(f'`ml.{table.name}`' for table in spec.publishes)} |"
        f" {', '.join(f'`shop.{need}`' for need in spec.needs)} |"
        for spec in capabilities.values()
    ]
    return "\n".join(
        (
            "### The night",
            "",
            "Reads what the shop wrote, refuses what is broken, learns if it must, and leaves finished tables in schema",
            "`ml`. A reader always sees one whole batch; when something fails, yesterday's tables stay.",
            "The same night run twice publishes once, so clearing a task or triggering again is always safe.",
            "",
            "| capability | question | publishes | needs |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "Bring back the batch before: `./nightshift rollback <table>`.",
        )
    )


def train(spec: Capability) -> str:
    """What `train_<capability>` is."""
    return "\n".join(
        (
            f"### Train: {spec.title}",
            "",
            f"{spec.question} Learns from a night's snapshot (the one that there is, if it is good) and tests on the",
            f"last {spec.gate.horizon.days} days{_longer(spec)}, which the tested model did not see: `{spec.gate.metric}` against the",
            f"champion and against {spec.gate.baseline}. Only a model that wins by more than chance serves; where another",
            "recipe loses, the champion's own is learned anew.",
            "",
            *_thorough(spec),
            f"Choose by hand: `./nightshift promote {spec.name} <version>`.",
        )
    )


def _longer(spec: Capability) -> str:
    return f" (or on more, until these hold {spec.gate.enough} rows or a third of all)" if spec.gate.enough else ""


def _thorough(spec: Capability) -> tuple[str, ...]:
    if not spec.thorough:
        return ()
    listed = ", ".join(f"`{name}` {value:g}" for name, value in spec.thorough.items())
    return (f"It takes its time: {listed}. Off in the form, it learns as a night without a model does.", "")


def live(spec: Capability) -> str:
    """What `live_<capability>` is."""
    assert spec.live is not None
    return "\n".join(
        (
            f"### Between nights: {spec.title}",
            "",
            f"New rows of {', '.join(f'`shop.{name}`' for name in spec.live.keys)} get their row in {' and '.join(f'`ml.{name}`' for name in (spec.live.publishes, *spec.live.also))} within minutes, by the night's",
            "own features and the model that serves. A reader sees one row a key: the batch's, or the lane's if it knows more",
            "(`batch_id` is then negative). The next night takes over.",
            "",
            "Each run is a row of `ml_ops.live`; rows that broke a rule are in `ml_ops.quarantine` under",
            f"`<night>/<attempt>/live/{spec.name}`.",
        )
    )


MAINTENANCE = """### Maintenance

Keeps the house: retention of batches, snapshots, quarantine and logs, and requests to be forgotten (`ml_ops.erasure`).
Safe at any time, also while a night runs.
"""

BACKUP = """### Backup

Keeps all that the shop would miss, each morning, where `NIGHTSHIFT_BACKUP_URI` names a folder or bucket; else it runs by hand only.
`./nightshift backup --list FOLDER` lists what is there, `--check` reads every file of it, `./nightshift restore FOLDER` puts it back.
"""
