-- Schemas and the bookkeeping of Nightshift. Every table and column says what it means: psql's \d+ is the manual.

CREATE SCHEMA IF NOT EXISTS ml;
CREATE SCHEMA IF NOT EXISTS ml_batch;
CREATE SCHEMA IF NOT EXISTS ml_ops;
COMMENT ON SCHEMA ml IS 'What the shop reads: one view per product of Nightshift, each showing one whole batch.';
COMMENT ON SCHEMA ml_batch IS 'One table per batch; the views in ml point to the published ones. Do not read these directly.';
COMMENT ON SCHEMA ml_ops IS 'Nightshift''s own books: nights, steps, batches, versions, promotions, quarantine.';

CREATE TABLE ml_ops.migration (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ml_ops.migration IS 'Which numbered SQL files have been applied to this database.';
COMMENT ON COLUMN ml_ops.migration.number IS 'Number of the file.';
COMMENT ON COLUMN ml_ops.migration.name IS 'Name of the file.';
COMMENT ON COLUMN ml_ops.migration.at IS 'When it was applied.';

CREATE TABLE ml_ops.night (
    ref        text PRIMARY KEY,
    night      date NOT NULL,
    status     text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'failed')),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz,
    params     jsonb NOT NULL DEFAULT '{}',
    summary    jsonb
);
CREATE INDEX night_night ON ml_ops.night (night);
COMMENT ON TABLE ml_ops.night IS 'One row per snapshot attempt of a night, from its first step to its report.';
COMMENT ON COLUMN ml_ops.night.ref IS 'Snapshot attempt: <night>/<attempt>.';
COMMENT ON COLUMN ml_ops.night.night IS 'The night''s date; it knows what was known before the start of that day in the shop''s time zone.';
COMMENT ON COLUMN ml_ops.night.status IS 'running; done: the report is written; failed: the last step that ran failed.';
COMMENT ON COLUMN ml_ops.night.started_at IS 'Start of its first step.';
COMMENT ON COLUMN ml_ops.night.ended_at IS 'When the report was written; null while it runs or after a failure.';
COMMENT ON COLUMN ml_ops.night.params IS 'What the night was asked to do.';
COMMENT ON COLUMN ml_ops.night.summary IS 'The report: batches, quarantine, decisions, seconds by step.';

CREATE TABLE ml_ops.step (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ref        text NOT NULL REFERENCES ml_ops.night,
    step       text NOT NULL,
    capability text NOT NULL DEFAULT '',
    shard      integer NOT NULL DEFAULT 0,
    status     text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'failed')),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds    double precision,
    rows       bigint,
    message    text
);
CREATE INDEX step_ref ON ml_ops.step (ref);
COMMENT ON TABLE ml_ops.step IS 'One row per run of a step; a retried step has several.';
COMMENT ON COLUMN ml_ops.step.id IS 'Number in order of start.';
COMMENT ON COLUMN ml_ops.step.ref IS 'Snapshot attempt that it worked on.';
COMMENT ON COLUMN ml_ops.step.step IS 'extract, validate, train, features, score, publish, …';
COMMENT ON COLUMN ml_ops.step.capability IS 'Capability; empty for steps that serve all.';
COMMENT ON COLUMN ml_ops.step.shard IS 'Shard, from 0.';
COMMENT ON COLUMN ml_ops.step.status IS 'running (or killed before it could say so), done, failed.';
COMMENT ON COLUMN ml_ops.step.started_at IS 'Start of the work.';
COMMENT ON COLUMN ml_ops.step.seconds IS 'Seconds of work, waiting for the scheduler not included.';
COMMENT ON COLUMN ml_ops.step.rows IS 'Rows that it read or made.';
COMMENT ON COLUMN ml_ops.step.message IS 'What it has to say; the error if it failed.';

CREATE TABLE ml_ops.quarantine (
    night      date NOT NULL,
    ref        text NOT NULL,
    table_name text NOT NULL,
    row_key    text,
    rule       text NOT NULL,
    "row"      jsonb,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX quarantine_ref ON ml_ops.quarantine (ref, table_name);
COMMENT ON TABLE ml_ops.quarantine IS 'Rows of the shop that broke a rule: kept out of every model, never lost.';
COMMENT ON COLUMN ml_ops.quarantine.night IS 'Night that refused the row.';
COMMENT ON COLUMN ml_ops.quarantine.ref IS 'Snapshot attempt that refused it.';
COMMENT ON COLUMN ml_ops.quarantine.table_name IS 'Contract table.';
COMMENT ON COLUMN ml_ops.quarantine.row_key IS 'Key of the row, as text.';
COMMENT ON COLUMN ml_ops.quarantine.rule IS 'The rule that it broke.';
COMMENT ON COLUMN ml_ops.quarantine."row" IS 'The whole row as it was extracted, personal columns pseudonymised.';
COMMENT ON COLUMN ml_ops.quarantine.at IS 'When it was refused.';

CREATE TABLE ml_ops.version (
    capability text NOT NULL,
    version    integer NOT NULL,
    run_id     text NOT NULL,
    shop       text NOT NULL,
    as_of      timestamptz NOT NULL,
    recipe     text NOT NULL,
    params     jsonb NOT NULL,
    baseline   boolean NOT NULL,
    metrics    jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (capability, version)
);
COMMENT ON TABLE ml_ops.version IS 'Every model version that was registered, beside MLflow''s registry.';
COMMENT ON COLUMN ml_ops.version.capability IS 'Capability, the registered model''s name.';
COMMENT ON COLUMN ml_ops.version.version IS 'Version number in MLflow''s registry.';
COMMENT ON COLUMN ml_ops.version.run_id IS 'MLflow run that made it.';
COMMENT ON COLUMN ml_ops.version.shop IS 'Which shop it was trained on; it never serves another.';
COMMENT ON COLUMN ml_ops.version.as_of IS 'It was trained on what was known before this.';
COMMENT ON COLUMN ml_ops.version.recipe IS 'Digest of its parameters and code version; the same recipe again is a refresh.';
COMMENT ON COLUMN ml_ops.version.params IS 'Its parameters.';
COMMENT ON COLUMN ml_ops.version.baseline IS 'True: it is the simple baseline, because nothing beat it.';
COMMENT ON COLUMN ml_ops.version.metrics IS 'Metrics of challenger, champion and baseline on the time split.';
COMMENT ON COLUMN ml_ops.version.created_at IS 'When it was registered.';

CREATE TABLE ml_ops.artifact (
    capability text NOT NULL,
    version    integer NOT NULL,
    file       text NOT NULL,
    sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    bytes      bigint NOT NULL,
    PRIMARY KEY (capability, version, file),
    FOREIGN KEY (capability, version) REFERENCES ml_ops.version
);
COMMENT ON TABLE ml_ops.artifact IS 'The files of each version; a file whose sha256 differs is never loaded.';
COMMENT ON COLUMN ml_ops.artifact.capability IS 'Capability.';
COMMENT ON COLUMN ml_ops.artifact.version IS 'Version.';
COMMENT ON COLUMN ml_ops.artifact.file IS 'Path inside the version''s folder.';
COMMENT ON COLUMN ml_ops.artifact.sha256 IS 'SHA-256 of its bytes, hex.';
COMMENT ON COLUMN ml_ops.artifact.bytes IS 'Its size.';

CREATE TABLE ml_ops.promotion (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    capability text NOT NULL,
    version    integer NOT NULL,
    decision   text NOT NULL CHECK (decision IN ('promote', 'refuse', 'baseline', 'replay', 'manual')),
    why        text NOT NULL,
    metrics    jsonb NOT NULL DEFAULT '{}',
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    "by"       text NOT NULL DEFAULT session_user,
    FOREIGN KEY (capability, version) REFERENCES ml_ops.version
);
CREATE INDEX promotion_capability ON ml_ops.promotion (capability, id);
COMMENT ON TABLE ml_ops.promotion IS 'Who was champion when, and why.';
COMMENT ON COLUMN ml_ops.promotion.id IS 'Number in order of decision.';
COMMENT ON COLUMN ml_ops.promotion.capability IS 'Capability.';
COMMENT ON COLUMN ml_ops.promotion.version IS 'The version that was decided about.';
COMMENT ON COLUMN ml_ops.promotion.decision IS 'promote: it serves; baseline: it is the baseline and serves; manual: a person let it serve; refuse: it does not; replay: it serves only nights of the past.';
COMMENT ON COLUMN ml_ops.promotion.why IS 'The reason in words, with the numbers.';
COMMENT ON COLUMN ml_ops.promotion.metrics IS 'Metrics that it was decided on.';
COMMENT ON COLUMN ml_ops.promotion.at IS 'When.';
COMMENT ON COLUMN ml_ops.promotion."by" IS 'Database login that decided.';

CREATE TABLE ml_ops.batch (
    batch_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name    text NOT NULL,
    capability    text NOT NULL,
    night         date NOT NULL,
    ref           text NOT NULL,
    model_version integer NOT NULL,
    as_of         timestamptz NOT NULL,
    inputs_sha256 text NOT NULL,
    status        text NOT NULL DEFAULT 'building'
                  CHECK (status IN ('building', 'published', 'superseded', 'rolled_back', 'failed', 'dropped')),
    rows          bigint,
    bytes         bigint,
    audit         jsonb NOT NULL DEFAULT '{}',
    error         text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at  timestamptz,
    ended_at      timestamptz
);
CREATE UNIQUE INDEX batch_visible ON ml_ops.batch (table_name) WHERE status = 'published';
CREATE UNIQUE INDEX batch_once ON ml_ops.batch (table_name, night, inputs_sha256)
    WHERE status IN ('published', 'superseded', 'rolled_back');
COMMENT ON TABLE ml_ops.batch IS 'The story of each batch of a table that the shop reads.';
COMMENT ON COLUMN ml_ops.batch.batch_id IS 'Its number; its rows are in ml_batch.<table_name>_<batch_id>.';
COMMENT ON COLUMN ml_ops.batch.table_name IS 'The view in schema ml that shows it.';
COMMENT ON COLUMN ml_ops.batch.capability IS 'Capability that made it.';
COMMENT ON COLUMN ml_ops.batch.night IS 'Night that made it.';
COMMENT ON COLUMN ml_ops.batch.ref IS 'Snapshot attempt that it was made from.';
COMMENT ON COLUMN ml_ops.batch.model_version IS 'Version of the model that made it.';
COMMENT ON COLUMN ml_ops.batch.as_of IS 'It uses only what was known before this.';
COMMENT ON COLUMN ml_ops.batch.inputs_sha256 IS 'Digest of snapshot, model and parameters: the same night with the same inputs publishes once.';
COMMENT ON COLUMN ml_ops.batch.status IS 'building (or killed while building); published: the one that the shop sees; superseded by a later one; rolled_back by a person; failed; dropped: its table is gone.';
COMMENT ON COLUMN ml_ops.batch.rows IS 'Rows.';
COMMENT ON COLUMN ml_ops.batch.bytes IS 'Size on disk, indexes included.';
COMMENT ON COLUMN ml_ops.batch.audit IS 'What the audit before publishing found.';
COMMENT ON COLUMN ml_ops.batch.error IS 'Why it failed.';
COMMENT ON COLUMN ml_ops.batch.created_at IS 'When it was begun.';
COMMENT ON COLUMN ml_ops.batch.published_at IS 'When the shop first saw it, or saw it again after a re-run of its night.';
COMMENT ON COLUMN ml_ops.batch.ended_at IS 'When the shop stopped seeing it, or it failed.';
