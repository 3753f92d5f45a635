-- A person's answer for a version that waits, given in the console, is written down as other changes are.

ALTER TABLE ml_ops.audit DROP CONSTRAINT audit_action_check;
ALTER TABLE ml_ops.audit ADD CONSTRAINT audit_action_check
    CHECK (action IN ('insert', 'update', 'delete', 'promote', 'rollback', 'run', 'clear', 'approve', 'refuse'));
