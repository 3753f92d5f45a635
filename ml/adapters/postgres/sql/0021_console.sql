-- What people changed, in the console or by a command: who, when, from what to what. Rows are added, never changed.

CREATE TABLE ml_ops.audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    person  text NOT NULL,
    action  text NOT NULL CHECK (action IN ('insert', 'update', 'delete', 'promote', 'rollback', 'run', 'clear')),
    object  text NOT NULL,
    row_key text,
    before  jsonb,
    after   jsonb,
    note    text NOT NULL DEFAULT '',
    undoes  bigint REFERENCES ml_ops.audit
);
CREATE INDEX audit_object ON ml_ops.audit (object, id);
CREATE INDEX audit_row ON ml_ops.audit (object, row_key, id);
CREATE UNIQUE INDEX audit_undone_once ON ml_ops.audit (undoes);
COMMENT ON TABLE ml_ops.audit IS 'What people changed: who, when, from what to what. Rows are added, never changed.';
COMMENT ON COLUMN ml_ops.audit.id IS 'Number in order of time.';
COMMENT ON COLUMN ml_ops.audit.at IS 'When.';
COMMENT ON COLUMN ml_ops.audit.person IS 'Who, as Airflow knows them.';
COMMENT ON COLUMN ml_ops.audit.action IS 'insert, update or delete of a row of ml_config; promote of a version; rollback of a table; run or clear of a DAG.';
COMMENT ON COLUMN ml_ops.audit.object IS 'Table of ml_config, capability, table of ml, or DAG.';
COMMENT ON COLUMN ml_ops.audit.row_key IS 'Key of the row as JSON; null: it is about no row.';
COMMENT ON COLUMN ml_ops.audit.before IS 'The row or state before; null: there was none.';
COMMENT ON COLUMN ml_ops.audit.after IS 'The row or state after; null: it is gone.';
COMMENT ON COLUMN ml_ops.audit.note IS 'Why, in the person''s words.';
COMMENT ON COLUMN ml_ops.audit.undoes IS 'The change that this one takes back; null: none.';

-- One rule of ten million refused rows is looked at page by page.
CREATE INDEX quarantine_rule ON ml_ops.quarantine (ref, table_name, rule, (coalesce(row_key, '')));

-- roles.sql grants what there is when it runs; on a database that it ran on before, this table came later.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_publish') THEN
        GRANT SELECT, INSERT ON ml_ops.audit TO nightshift_publish;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_console') THEN
        GRANT SELECT, INSERT ON ml_ops.audit TO nightshift_console;
    END IF;
END
$$;
