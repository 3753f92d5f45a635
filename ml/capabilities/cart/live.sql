-- What the shop calls while it shows a cart: ml.cart. Run whenever a batch takes the place of another.

-- The cart as the shop has it at this moment, beside what the last night or the lane knows of it; without a schema shop in
-- this database the latter alone.
CREATE OR REPLACE FUNCTION ml_ops.cart_lines(cart text, customer text) RETURNS TABLE (product_id text, quantity double precision)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY EXECUTE
        'SELECT c.product_id::text, max(c.quantity)::double precision FROM shop.cart AS c
         WHERE c.order_id IS NULL AND ($1 IS NULL OR c.cart_id::text = $1) AND ($2 IS NULL OR c.customer_id::text = $2)
           AND c.added_at > coalesce((SELECT l.as_of FROM ml.cart_line AS l LIMIT 1), now()) - interval ''30 days''
         GROUP BY 1 ORDER BY max(c.added_at) DESC, 1 LIMIT 501'
    USING cart, customer;
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR invalid_schema_name OR insufficient_privilege
    OR datatype_mismatch OR data_exception THEN
    RETURN QUERY
        SELECT l.product_id, l.quantity FROM ml.cart_line AS l
        WHERE (cart IS NULL OR l.cart_id = cart) AND (customer IS NULL OR l.customer_id = customer)
        ORDER BY l.added_at DESC, 1 LIMIT 501;
END
$$;

CREATE OR REPLACE FUNCTION ml.cart(
    cart_id text DEFAULT NULL,
    customer_id text DEFAULT NULL,
    products text[] DEFAULT NULL,
    n integer DEFAULT 5
) RETURNS TABLE (
    kind text,
    rank integer,
    product_id text,
    score double precision,
    reason text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone FROM CURRENT -- the shop's: a coupon ends with its day
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    box constant text := nullif(cart.cart_id, '');
    who text := nullif(cart.customer_id, '');
    wanted constant integer := coalesce(cart.n, 5);
    ids text[]; quantities double precision[];
    few integer; bar double precision; total double precision;
    today constant date := current_date;
BEGIN
    IF wanted NOT BETWEEN 0 AND 100 THEN
        RAISE EXCEPTION 'ml.cart: n is %, and must be between 0 and 100.', wanted USING ERRCODE = '22023';
    ELSIF box IS NULL AND who IS NULL AND cart.products IS NULL THEN
        RAISE EXCEPTION 'ml.cart: give a cart_id, a customer_id, or the products in the cart.' USING ERRCODE = '22023';
    ELSIF cardinality(cart.products) > 500 THEN
        RAISE EXCEPTION 'ml.cart: % products, and at most 500 are looked at.', cardinality(cart.products)
            USING ERRCODE = '22023';
    END IF;
    IF cart.products IS NOT NULL THEN
        SELECT array_agg(DISTINCT p) FROM unnest(cart.products) AS p WHERE p IS NOT NULL INTO ids;
        quantities := array_fill(1.0::double precision, ARRAY[coalesce(cardinality(ids), 0)]);
    ELSE
        SELECT array_agg(l.product_id), array_agg(l.quantity) FROM ml_ops.cart_lines(box, who) AS l INTO ids, quantities;
    END IF;
    ids := coalesce(ids, '{}');
    IF cardinality(ids) > 500 THEN
        ids := ids[:500];
        quantities := quantities[:500];
        RETURN QUERY SELECT 'notice', 1000, NULL::text, NULL::double precision,
                            'a cart of more than 500 products: only the newest 500 are looked at';
    END IF;
    IF who IS NULL AND box IS NOT NULL THEN
        who := (SELECT l.customer_id FROM ml.cart_line AS l WHERE l.cart_id = box AND l.customer_id IS NOT NULL LIMIT 1);
    END IF;
    SELECT coalesce(s.few_left, 3), s.free_shipping_from FROM ml_config.cart_setting AS s LIMIT 1 INTO few, bar;

    RETURN QUERY
        SELECT 'line', (row_number() OVER (ORDER BY l.chance DESC NULLS LAST, i.place))::integer, i.id, l.chance,
               coalesce(l.reason, 'new in the cart')
        FROM unnest(ids) WITH ORDINALITY AS i(id, place)
        LEFT JOIN (
            SELECT x.product_id AS id, max(x.chance) AS chance, max(x.reason) AS reason FROM (
                SELECT c.product_id, c.chance, c.reason FROM ml.cart_line AS c WHERE c.cart_id = box
                UNION ALL
                SELECT c.product_id, c.chance, c.reason FROM ml.cart_line AS c WHERE box IS NULL AND c.customer_id = who
            ) AS x GROUP BY x.product_id) AS l ON l.id = i.id;

    IF wanted > 0 THEN
        RETURN QUERY
            -- Add-ons were on sale in the night: a few more than are wanted leave room for those that are gone since.
            WITH summed AS MATERIALIZED (
                SELECT f.id, sum(f.score) AS score FROM (
                    SELECT a.addon_id AS id, a.score FROM ml.cart_addon AS a WHERE a.product_id = ANY (ids)
                    UNION ALL
                    SELECT o.product_id, o.score FROM ml.cart_again AS o WHERE o.customer_id = who
                ) AS f WHERE f.id <> ALL (ids) GROUP BY f.id ORDER BY 2 DESC, 1 LIMIT wanted + 50
            ), best AS MATERIALIZED (
                SELECT s.id, s.score FROM summed AS s
                JOIN ml.cart_product AS p ON p.product_id = s.id AND p.available ORDER BY s.score DESC, s.id LIMIT wanted
            )
            SELECT 'add-on', (row_number() OVER (ORDER BY s.score DESC, s.id))::integer, s.id, s.score, w.words
            FROM best AS s CROSS JOIN LATERAL (
                SELECT r.words FROM (
                    SELECT a.score, CASE WHEN a.reason LIKE 'Often%' AND p.title IS NOT NULL
                                         THEN 'Often bought with ' || p.title || '.' ELSE a.reason END AS words
                    FROM ml.cart_addon AS a LEFT JOIN ml.cart_product AS p ON p.product_id = a.product_id
                    WHERE a.product_id = ANY (ids) AND a.addon_id = s.id
                    UNION ALL
                    SELECT o.score, 'You bought it before.' FROM ml.cart_again AS o
                    WHERE o.customer_id = who AND o.product_id = s.id
                ) AS r ORDER BY r.score DESC, r.words LIMIT 1) AS w
            ORDER BY s.score DESC, s.id;
    END IF;

    RETURN QUERY
        SELECT 'notice', (row_number() OVER (ORDER BY i.place))::integer, i.id, NULL::double precision, w.words
        FROM unnest(ids) WITH ORDINALITY AS i(id, place)
        LEFT JOIN ml.cart_product AS p ON p.product_id = i.id
        CROSS JOIN LATERAL (VALUES
            (CASE WHEN p.product_id IS NULL THEN 'no longer on sale'
                  WHEN NOT p.available THEN 'sold out'
                  WHEN p.stock <= few THEN format('only %s left', p.stock::bigint) END),
            (CASE WHEN p.price < 0.98 * p.usual_price
                  THEN format('the price fell from %s to %s', round(p.usual_price::numeric, 2), round(p.price::numeric, 2)) END)
        ) AS w(words) WHERE w.words IS NOT NULL;

    total := (SELECT sum(p.price * q.quantity) FROM unnest(ids, quantities) AS q(id, quantity)
              JOIN ml.cart_product AS p ON p.product_id = q.id AND p.available);
    IF bar > total THEN
        RETURN QUERY SELECT 'notice', 1001, NULL::text, bar - total,
                            format('%s more for free shipping', round((bar - total)::numeric, 2));
    END IF;
    RETURN QUERY
        SELECT 'notice', (1001 + row_number() OVER (ORDER BY c.code))::integer, NULL::text, NULL::double precision,
               format('%s with code %s%s', c.words, c.code, CASE WHEN c.ends_on = today THEN ', ends today' ELSE '' END)
        FROM ml_config.cart_coupon AS c
        WHERE (c.starts_on IS NULL OR c.starts_on <= today) AND (c.ends_on IS NULL OR c.ends_on >= today)
          AND (c.least_total IS NULL OR c.least_total <= total)
          AND (c.category IS NULL OR EXISTS (
              SELECT FROM ml.cart_product AS p WHERE p.product_id = ANY (ids) AND p.category = c.category));
END
$$;

-- The chance that a visit ends in an order within the hour, from its events so far as the shop has them at this moment.
-- No row: of this visit, or of visits at all, nothing is known, or it has events of another kind. An index on shop.event (session_id) keeps it fast.
CREATE OR REPLACE FUNCTION ml.visit(session_id text) RETURNS TABLE (chance double precision, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY EXECUTE
        'WITH visit AS (
            SELECT count(*) FILTER (WHERE e.kind = ''view'') AS views, count(*) FILTER (WHERE e.kind = ''cart'') AS carts,
                   count(*) FILTER (WHERE e.kind = ''wish'') AS wishes, count(*) FILTER (WHERE e.kind = ''search'') AS searches,
                   count(DISTINCT e.product_id) AS products,
                   extract(epoch FROM max(e.occurred_at) - min(e.occurred_at))::double precision / 60 AS minutes
            FROM shop.event AS e WHERE e.session_id::text = $1
            HAVING count(*) > 0 AND bool_and(e.kind IN (''view'', ''cart'', ''wish'', ''search''))
        )
        SELECT 1 / (1 + exp(-sum(b.points))),
               format(''%s looked at, %s put in the cart, %s minutes'', max(v.products), max(v.carts), round(max(v.minutes)))
        FROM visit AS v JOIN ml.cart_visit_box AS b
          ON v.views > b.views_above AND v.views <= b.views_to AND v.carts > b.carts_above AND v.carts <= b.carts_to
         AND v.wishes > b.wishes_above AND v.wishes <= b.wishes_to
         AND v.searches > b.searches_above AND v.searches <= b.searches_to
         AND v.products > b.products_above AND v.products <= b.products_to
         AND v.minutes > b.minutes_above AND v.minutes <= b.minutes_to
        HAVING count(*) > 0'
    USING visit.session_id;
EXCEPTION WHEN undefined_table OR undefined_column OR invalid_schema_name OR insufficient_privilege
    OR datatype_mismatch OR data_exception THEN
    RETURN; -- the shop's events are not in this database, or not as the contract has them
END
$$;
