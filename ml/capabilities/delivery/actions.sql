-- What the shop's system reads of each open order: SELECT * FROM ml.order_action() or ml.order_action('O17').
--
-- Order risk comes first where it publishes; nothing ships by itself, and each decision can be turned off in
-- ml_config.order_cost at once. Run whenever a batch takes the place of another, with function bodies unchecked.
CREATE OR REPLACE FUNCTION ml.order_action(only_order text DEFAULT NULL)
RETURNS TABLE (order_id text, action text, late_chance double precision, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    risk text := 'SELECT NULL::text AS order_id, NULL::text AS decision, NULL::text AS reason WHERE false';
BEGIN
    IF to_regclass('ml.order_risk') IS NOT NULL THEN
        risk := 'SELECT order_id, decision, reason FROM ml.order_risk';
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT p.order_id,
               CASE WHEN r.decision IN ('review', 'block') AND coalesce(c.may_hold, true) THEN 'hold'
                    WHEN p.action = 'split' AND NOT coalesce(c.may_split, true)
                      OR p.action = 'upgrade' AND NOT coalesce(c.may_upgrade, true)
                      OR p.action = 'tell' AND NOT coalesce(c.may_tell, true) THEN 'release'
                    ELSE p.action END,
               p.late_chance,
               CASE WHEN r.decision IN ('review', 'block') AND coalesce(c.may_hold, true)
                    THEN 'order risk says ' || r.decision || ': ' || r.reason ELSE p.reason END
        FROM ml.order_promise AS p
        LEFT JOIN (%s) AS r ON r.order_id = p.order_id
        LEFT JOIN ml_config.order_cost AS c ON true
        WHERE $1 IS NULL OR p.order_id = $1$query$, risk) USING only_order;
END;
$body$;
