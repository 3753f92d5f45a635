-- The lane between nights: its runs, and until when a batch knows the shop.

ALTER TABLE ml_ops.batch ADD COLUMN read_at timestamptz;
COMMENT ON COLUMN ml_ops.batch.read_at IS 'When the shop was read for it; rows of the lane between nights count from then or from as_of, whichever is earlier. Null: as_of.';

CREATE TABLE ml_ops.live (
    run           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    capability    text NOT NULL,
    table_name    text NOT NULL,
    ref           text NOT NULL,
    status        text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'failed')),
    as_of         timestamptz,
    model_version integer,
    new           bigint,
    scored        bigint,
    dropped       bigint,
    quarantined   bigint,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds       double precision,
    timings       jsonb NOT NULL DEFAULT '{}',
    message       text
);
CREATE INDEX live_capability ON ml_ops.live (capability, run);
CREATE INDEX live_running ON ml_ops.live (capability) WHERE status = 'running';
COMMENT ON TABLE ml_ops.live IS 'Runs of the lane between nights; a row of a view in ml with a negative batch_id was made by run -batch_id.';
COMMENT ON COLUMN ml_ops.live.run IS 'Its number.';
COMMENT ON COLUMN ml_ops.live.capability IS 'Capability.';
COMMENT ON COLUMN ml_ops.live.table_name IS 'The view in schema ml that shows its rows.';
COMMENT ON COLUMN ml_ops.live.ref IS 'Snapshot that it started from: that of the batch that the shop saw.';
COMMENT ON COLUMN ml_ops.live.status IS 'running (or killed before it could say so), done, failed.';
COMMENT ON COLUMN ml_ops.live.as_of IS 'It knows what was known before this, by the clock of the shop''s database.';
COMMENT ON COLUMN ml_ops.live.model_version IS 'Version of the model that scored; null: there was nothing to score.';
COMMENT ON COLUMN ml_ops.live.new IS 'Rows of the shop that were new or had changed since they were scored.';
COMMENT ON COLUMN ml_ops.live.scored IS 'Rows written.';
COMMENT ON COLUMN ml_ops.live.dropped IS 'Rows taken out, because what they were about is not to be scored any more.';
COMMENT ON COLUMN ml_ops.live.quarantined IS 'Rows known since the snapshot that broke a rule (in ml_ops.quarantine under <ref>/live/<capability>).';
COMMENT ON COLUMN ml_ops.live.started_at IS 'When it began.';
COMMENT ON COLUMN ml_ops.live.seconds IS 'How long it took.';
COMMENT ON COLUMN ml_ops.live.timings IS 'Of which each part, in seconds.';
COMMENT ON COLUMN ml_ops.live.message IS 'What it has to say; the error if it failed.';

-- roles.sql grants what there is when it runs; on a database that it ran on before, this table came later.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_publish') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON ml_ops.live TO nightshift_publish;
    END IF;
END
$$;
