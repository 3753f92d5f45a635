-- Queries that the log knows: ml.search answers them from the night's list (ml.query_product).

-- What a list has not, by category the best score; a batch of before it was kept says nothing of it.
DO $make$
BEGIN
    PERFORM FROM pg_attribute AS a WHERE a.attrelid = to_regclass('ml.query') AND a.attname = 'rest_scores' AND NOT a.attisdropped;
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION ml_ops.search_rest(key text) RETURNS TABLE (categories text[], scores real[])
        LANGUAGE sql STABLE AS $body$ SELECT %s FROM ml.query AS q WHERE q.query = key $body$
    $sql$, CASE WHEN FOUND THEN 'q.rest_categories, q.rest_scores' ELSE 'NULL::text[], NULL::real[]' END);
END
$make$;

-- The list of a query that the log knows, with what fits the customer and what is there now, where ml.search would find the
-- same: no rule of the staff changes how the query is read, and as many as are needed stand before anything that the night
-- left out. Else nos is null; last tells that what the list has stands before the rest, so that pages go on from it.
CREATE OR REPLACE FUNCTION ml_ops.search_known(
    key text, who text, needed integer, today date,
    OUT nos bigint[], OUT scores double precision[], OUT reasons text[], OUT sold text[], OUT told jsonb,
    OUT last double precision
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    every integer; listed integer; good integer; words text[]; categories text[]; points real[]; bound double precision;
BEGIN
    SELECT q.products, q.understood::jsonb, r.categories, r.scores INTO every, told, categories, points
    FROM ml.query AS q CROSS JOIN LATERAL ml_ops.search_rest(q.query) AS r WHERE q.query = search_known.key;
    IF every IS NULL THEN
        RETURN;
    END IF;
    words := ARRAY(SELECT jsonb_array_elements_text(told -> 'words'));
    PERFORM FROM ml_config.search_rule AS x, ml.search_setting AS s
    WHERE x.kind <> 'pin' AND (x.starts_on IS NULL OR x.starts_on <= today) AND (x.ends_on IS NULL OR x.ends_on >= today)
      AND CASE x.kind WHEN 'redirect' THEN ml_ops.search_key(s.rules, x.query) = search_known.key
               WHEN 'synonym' THEN ARRAY[ml_ops.search_key(s.rules, x.query), ml_ops.search_key(s.rules, x.target)] && words
               ELSE ml_ops.search_key(s.rules, x.query) = ANY (words) END;
    IF FOUND THEN
        RETURN;
    END IF;
    sold := ml_ops.on_sale(ARRAY(SELECT l.product_id FROM ml.query_product AS l WHERE l.query = search_known.key));
    -- What the night left out has at most the best score of its category, and what fits the customer in that.
    SELECT max(u.score + coalesce((
               SELECT 0.15 * s.share FROM ml.search_customer AS s WHERE s.customer_id = who AND s.category = u.category), 0))
    INTO bound FROM unnest(categories, points) AS u (category, score);
    SELECT array_agg(c.product_no ORDER BY c.total DESC, c.product_no), array_agg(c.total ORDER BY c.total DESC, c.product_no),
           array_agg(c.reason ORDER BY c.total DESC, c.product_no), count(*), min(c.last),
           count(*) FILTER (WHERE c.there AND c.total >= bound)
    INTO nos, scores, reasons, listed, last, good
    FROM (
        SELECT p.product_no, l.score + coalesce(0.15 * s.share, 0) AS total, min(l.score) OVER () AS last,
               l.reason || CASE WHEN s.share >= 0.2 THEN ', fits what you buy' ELSE '' END AS reason,
               p.available AND p.product_id = ANY (sold) AS there
        FROM ml.query_product AS l JOIN ml.search_product AS p USING (product_id)
        LEFT JOIN ml.search_customer AS s ON s.customer_id = who AND s.category = p.category
        WHERE l.query = search_known.key) AS c;
    IF listed < every AND good < needed THEN
        nos := NULL;
    END IF;
END
$$;

-- What most calls are: a page of the list of a query that the log knows as it is, for somebody of whom no taste is known, while
-- the staff has no rule. Whole or nothing: as many as are wanted are there now, and stand before all that the night left out.
CREATE OR REPLACE FUNCTION ml_ops.search_listed(key text, who text, skipped integer, wanted integer) RETURNS TABLE (
    rank integer, product_id text, title text, score double precision, why text, near boolean, understood jsonb,
    batch_id bigint, model_version integer
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    told jsonb; bound real; ids text[]; sold text[];
BEGIN
    IF EXISTS (SELECT FROM ml_config.search_rule) OR EXISTS (SELECT FROM ml.search_customer AS s WHERE s.customer_id = who) THEN
        RETURN;
    END IF;
    SELECT q.understood::jsonb, (SELECT max(u.score) FROM unnest(r.scores) AS u (score)) INTO told, bound
    FROM ml.query AS q CROSS JOIN LATERAL ml_ops.search_rest(q.query) AS r
    WHERE q.query = search_listed.key AND q.products IS NOT NULL AND r.scores IS NOT NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    ids := ARRAY(SELECT l.product_id FROM ml.query_product AS l WHERE l.query = search_listed.key AND (l.score < bound) IS NOT TRUE
                 ORDER BY l.rank LIMIT skipped + wanted + 10);  -- some may be gone
    sold := ml_ops.on_sale(ids);
    RETURN QUERY
    SELECT u.nth::integer, u.product_id, u.title, u.score, u.reason, u.reason LIKE 'is near%', told, u.batch_id, u.model_version
    FROM (
        SELECT row_number() OVER () AS nth, count(*) OVER () AS every, o.* FROM (
            SELECT l.product_id, p.title, l.score, l.reason, l.batch_id, l.model_version
            FROM ml.query_product AS l
            -- A product each, so that no plan reads the whole index.
            CROSS JOIN LATERAL (SELECT x.title FROM ml.search_product AS x WHERE x.product_id = l.product_id AND x.available LIMIT 1) AS p
            WHERE l.query = search_listed.key AND (l.score < bound) IS NOT TRUE AND l.product_id = ANY (sold)
            ORDER BY l.rank LIMIT skipped + wanted) AS o) AS u
    WHERE u.every = skipped + wanted AND u.nth > skipped ORDER BY u.nth;
END
$$;
