-- Taking a batch back is a person's decision, and stands in the same book as the others.

ALTER TABLE ml_ops.promotion DROP CONSTRAINT promotion_decision_check;
ALTER TABLE ml_ops.promotion ADD CONSTRAINT promotion_decision_check
    CHECK (decision IN ('promote', 'refuse', 'baseline', 'replay', 'manual', 'waiting', 'rollback'));
COMMENT ON COLUMN ml_ops.promotion.decision IS 'promote: it serves; baseline: it is the baseline and serves; manual: a person let it serve; refuse: it does not; replay: it serves only nights of the past; waiting: it waits for a person''s approval; rollback: a person showed its batch again, until the next night.';
