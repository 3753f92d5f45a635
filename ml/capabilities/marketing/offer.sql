-- What the shop's pages ask: ml.offer for one customer now, ml.audience_export for an advertising platform.

-- Whether a customer accepts marketing at this moment; where the shop is elsewhere, as it was last night.
CREATE OR REPLACE FUNCTION ml_ops.marketing_consents(who text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found boolean;
BEGIN
    SELECT c.accepts_marketing::boolean INTO found FROM shop.customer AS c WHERE c.customer_id::text = who;
    RETURN coalesce(found, false);
EXCEPTION WHEN undefined_table OR undefined_column OR invalid_schema_name OR insufficient_privilege
    OR datatype_mismatch OR data_exception OR cannot_coerce THEN
    RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION ml.offer(customer_id text) RETURNS TABLE (
    action text,
    coupon text,
    discount_share double precision,
    expected_profit double precision,
    control boolean,
    propensity double precision,
    reason text,
    batch_id bigint,
    model_version integer
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    -- One row always: what is planned tonight as far as the staff and the customer still allow it, or nothing, and why.
    RETURN QUERY
    WITH given AS (
        SELECT t.*, a.active, a.needs_consent FROM ml.campaign_target AS t
        LEFT JOIN ml_config.marketing_action AS a ON a.action = t.action
        WHERE t.customer_id = offer.customer_id),
    judged AS (
        SELECT g.*, CASE
            WHEN g.action = 'nothing' THEN ''
            WHEN g.active IS NOT TRUE THEN 'the staff has stopped this action'
            WHEN g.needs_consent AND NOT ml_ops.marketing_consents(g.customer_id) THEN 'the customer has withdrawn the consent'
            ELSE '' END AS stopped
        FROM given AS g)
    SELECT CASE WHEN j.stopped = '' THEN j.action ELSE 'nothing' END,
           CASE WHEN j.stopped = '' THEN j.coupon END,
           CASE WHEN j.stopped = '' THEN j.discount_share ELSE 0 END,
           CASE WHEN j.stopped = '' THEN j.expected_profit ELSE 0 END,
           j.control, j.propensity, CASE WHEN j.stopped = '' THEN j.reason ELSE j.stopped END,
           j.batch_id::bigint, j.model_version::integer
    FROM judged AS j
    UNION ALL
    SELECT 'nothing', NULL, 0, 0, false, 1, 'not known as a customer last night', NULL, NULL
    WHERE NOT EXISTS (SELECT FROM given);
END
$$;

-- Customers of an audience with the SHA-256 of their e-mail (trimmed, in lower case), as advertising platforms match them.
-- The addresses stay in the shop: nothing of them is kept here. Only who accepts marketing now.
CREATE OR REPLACE FUNCTION ml.audience_export(audience text) RETURNS TABLE (customer_id text, rank bigint, email_sha256 text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT a.customer_id::text, a.rank::bigint, encode(sha256(convert_to(lower(trim(c.email::text)), 'UTF8')), 'hex')
    FROM ml.audience AS a JOIN shop.customer AS c ON c.customer_id::text = a.customer_id
    WHERE a.audience = audience_export.audience AND c.accepts_marketing::boolean AND trim(c.email::text) <> ''
    ORDER BY a.rank;
EXCEPTION WHEN undefined_table OR undefined_column OR invalid_schema_name OR insufficient_privilege THEN
    RAISE EXCEPTION 'The audience % cannot be exported here: shop.customer with customer_id, email and accepts_marketing is not '
        'in this database, or you may not read it. Join ml.audience where the addresses are.', audience_export.audience;
END
$$;
