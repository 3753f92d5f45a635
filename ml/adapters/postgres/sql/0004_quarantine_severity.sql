-- Normal business that nobody can learn from is kept apart from what is wrong.

ALTER TABLE ml_ops.quarantine ADD COLUMN severity text NOT NULL DEFAULT 'fault' CHECK (severity IN ('fault', 'left out'));
COMMENT ON TABLE ml_ops.quarantine IS 'Rows of the shop that are kept out of every model, never lost: what broke a rule, and what is left out as normal business.';
COMMENT ON COLUMN ml_ops.quarantine.severity IS 'fault: the row is wrong, and counts towards what stops a night; left out: normal business that nobody can learn from (a credit note, a line of a deleted product).';
