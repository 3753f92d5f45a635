-- What the shop sells at this moment, for the lists that it calls while it makes a page. Run whenever a batch takes the place of
-- another, with function bodies unchecked.

-- Of a row p of shop.product, the type of its id and the conditions of its sale as SQL. Made to measure: an index on the shop's
-- own product ids is used whatever their type is, and counts of stock are looked at where the planner finds that cheap (an index
-- on product_id, counted_at).
CREATE OR REPLACE FUNCTION ml_ops.on_sale_where(OUT key text, OUT condition text)
LANGUAGE plpgsql AS $$
DECLARE
    dear constant double precision := 500;  -- the planner's cost of asking for 20 products
    counted constant text := $sql$
        AND coalesce((SELECT s.quantity > 0 FROM shop.stock AS s WHERE s.product_id = p.product_id AND s.counted_at <= now()
                      ORDER BY s.counted_at DESC LIMIT 1), true)$sql$;
    plan json;
BEGIN
    condition := '';
    SELECT format_type(a.atttypid, NULL) INTO key FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass('shop.product') AND a.attname = 'product_id' AND NOT a.attisdropped;
    key := coalesce(key, 'text');
    PERFORM FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass('shop.product') AND a.attname = 'active' AND NOT a.attisdropped;
    IF FOUND THEN
        condition := ' AND p.active IS NOT FALSE';
    END IF;
    EXECUTE format($sql$
        EXPLAIN (FORMAT JSON) SELECT FROM shop.product AS p
        WHERE p.product_id = ANY (ARRAY(SELECT x.product_id FROM shop.product AS x LIMIT 20))%s$sql$, counted) INTO plan;
    IF (plan -> 0 -> 'Plan' ->> 'Total Cost')::double precision < dear THEN
        condition := condition || counted;
    END IF;
EXCEPTION WHEN OTHERS THEN
    RETURN;  -- no shop.stock, or nothing that can be asked this way: the night's state holds
END
$$;

-- Which of ids the shop sells, and has.
DO $make$
DECLARE
    made record;
BEGIN
    made := ml_ops.on_sale_where();
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION ml_ops.on_sale(ids text[]) RETURNS text[]
        LANGUAGE plpgsql STABLE AS $body$
        BEGIN
            IF ids = '{}' OR to_regclass('shop.product') IS NULL THEN
                RETURN ids;  -- to fail and to catch it costs as much as a whole answer
            END IF;
            RETURN ARRAY(SELECT p.product_id::text FROM shop.product AS p WHERE p.product_id = ANY (ids::%s[])%s);
        EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR invalid_schema_name
            OR insufficient_privilege OR datatype_mismatch OR data_exception THEN
            RETURN ids;  -- no shop here, or another one than at the last publication: the night's state holds
        END
        $body$
    $sql$, made.key, made.condition);
END
$make$;
