-- Requests to be forgotten, and what became of them. A customer is known here by the keyed hash of the id alone.

CREATE TABLE ml_ops.erasure (
    customer_hash text NOT NULL,
    requested_at  timestamptz,
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done')),
    started_at    timestamptz,
    done_at       timestamptz,
    removed       jsonb NOT NULL DEFAULT '{}',
    models        jsonb NOT NULL DEFAULT '[]',
    kept          jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX erasure_request ON ml_ops.erasure (customer_hash, coalesce(requested_at, 'epoch'::timestamptz));
COMMENT ON TABLE ml_ops.erasure IS 'A receipt of each request to be forgotten. While its row is here, rows of this customer are left out when the shop is read.';
COMMENT ON COLUMN ml_ops.erasure.customer_hash IS 'Keyed hash of the customer''s id; the id itself is not kept.';
COMMENT ON COLUMN ml_ops.erasure.requested_at IS 'When the customer asked, as the shop says; null: it does not say.';
COMMENT ON COLUMN ml_ops.erasure.seen_at IS 'When Nightshift first read the request.';
COMMENT ON COLUMN ml_ops.erasure.status IS 'open: not yet erased everywhere (or killed meanwhile: the next run goes on); done: erased, and the search found nothing.';
COMMENT ON COLUMN ml_ops.erasure.started_at IS 'When the erasure began.';
COMMENT ON COLUMN ml_ops.erasure.done_at IS 'When the search had found nothing any more.';
COMMENT ON COLUMN ml_ops.erasure.removed IS 'By place, how many rows, files or passages were removed.';
COMMENT ON COLUMN ml_ops.erasure.models IS 'Model versions whose files held the customer and were deleted; the next night learns anew.';
COMMENT ON COLUMN ml_ops.erasure.kept IS 'By table of ml_config, rows that the shop''s staff wrote about the customer: they are the staff''s to delete.';

ALTER TABLE ml_ops.version ADD COLUMN withdrawn_at timestamptz;
COMMENT ON COLUMN ml_ops.version.withdrawn_at IS 'When it was deleted because its files held a customer who asked to be forgotten; it serves no night.';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_publish') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON ml_ops.erasure TO nightshift_publish;
    END IF;
END
$$;
