-- ml.search and ml.facets: what the shop's page calls while somebody waits. They rank as
-- ml.capabilities.search.ranking does, on the published index and the stock and rules of this moment.

DO $make$
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION ml_ops.search_today() RETURNS date LANGUAGE sql STABLE AS %L',
        format('SELECT (now() AT TIME ZONE %L)::date', current_setting('TimeZone')));
END
$make$;

-- Products near the sum of the terms' vectors; where the last night had no vectors, none.
DO $make$
DECLARE
    place constant text := (SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
                            WHERE e.extname = 'vector');
    dimensions constant integer := 96;
BEGIN
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION ml_ops.search_vector(terms text[], weights double precision[]) RETURNS %1$I.halfvec
        LANGUAGE sql STABLE AS $body$
            SELECT %1$I.sum(t.vector) FROM unnest(terms, weights) AS u (term, weight)
            CROSS JOIN LATERAL (SELECT x.vector FROM ml.search_term AS x WHERE x.term = u.term LIMIT 1) AS t
            WHERE t.vector IS NOT NULL AND u.weight = 1
        $body$;
        CREATE OR REPLACE FUNCTION ml_ops.search_near(query %1$I.halfvec, most integer)
        RETURNS TABLE (no bigint, meaning double precision)
        LANGUAGE sql STABLE SET ivfflat.probes = 20 AS $body$
            SELECT p.product_no, 1 - (p.vector::%1$I.halfvec(%2$s) OPERATOR(%1$I.<=>) query::%1$I.halfvec(%2$s))
            FROM ml.search_product AS p
            ORDER BY p.vector::%1$I.halfvec(%2$s) OPERATOR(%1$I.<=>) query::%1$I.halfvec(%2$s) LIMIT most
        $body$;
        CREATE OR REPLACE FUNCTION ml_ops.search_likeness(query %1$I.halfvec, vector %1$I.halfvec) RETURNS double precision
        LANGUAGE sql STABLE AS $body$ SELECT 1 - (vector OPERATOR(%1$I.<=>) query) $body$;
    $sql$, place, dimensions);
END
$make$;

DROP FUNCTION IF EXISTS ml_ops.search_on_sale(text[]);  -- of before

-- The products whose words say most of a reading: over places the best term's impact. Most readings have one term a place, and
-- then there is nothing to take the best of.
CREATE OR REPLACE FUNCTION ml_ops.search_worded(terms text[], weights double precision[], places integer[], most integer)
RETURNS TABLE (id integer, points double precision, matched bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF cardinality(terms) = (SELECT count(DISTINCT p) FROM unnest(places) AS p) THEN
        RETURN QUERY
        SELECT i.id, sum(u.weight * i.impact), count(*)
        FROM unnest(terms, weights) AS u (term, weight)
             -- A term each, and below a product: no plan reads the whole index.
             CROSS JOIN LATERAL (SELECT x.ids, x.impacts FROM ml.search_term AS x WHERE x.term = u.term LIMIT 1) AS t,
             unnest(t.ids, t.impacts) AS i (id, impact)
        GROUP BY i.id ORDER BY 2 DESC, 1 LIMIT most;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT h.id, sum(h.v), count(*)
    FROM (SELECT i.id, max(u.weight * i.impact) AS v
          FROM unnest(terms, weights, places) AS u (term, weight, place)
               CROSS JOIN LATERAL (SELECT x.ids, x.impacts FROM ml.search_term AS x WHERE x.term = u.term LIMIT 1) AS t,
               unnest(t.ids, t.impacts) AS i (id, impact)
          GROUP BY i.id, u.place) AS h
    GROUP BY h.id ORDER BY 2 DESC, 1 LIMIT most;
END
$$;

-- Candidates of a reading with the parts of their score: by words, by meaning, and what was clicked.
DROP FUNCTION IF EXISTS ml_ops.search_candidates(text, text[], double precision[], integer[], text, text, integer);  -- of fewer columns
CREATE FUNCTION ml_ops.search_candidates(
    key text, terms text[], weights double precision[], places integer[], category text, brand text, by_words integer
) RETURNS TABLE (no bigint, points double precision, lexical double precision, coverage double precision, clicked double precision,
                 bought double precision, product_id text, of_category text, of_brand text, price double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    w real[] := (SELECT s.weights FROM ml.search_setting AS s LIMIT 1);
    q constant ml.search_product.vector%TYPE := CASE WHEN w[3] > 0 THEN ml_ops.search_vector(terms, weights) END;
    n constant double precision := (SELECT count(DISTINCT p) FROM unnest(places) AS p);
    ideal double precision;
BEGIN
    SELECT sum(b.most) INTO ideal FROM (
        SELECT max(u.weight * t.idf) AS most FROM unnest(terms, weights, places) AS u (term, weight, place)
        CROSS JOIN LATERAL (SELECT x.idf FROM ml.search_term AS x WHERE x.term = u.term LIMIT 1) AS t GROUP BY u.place) AS b;
    RETURN QUERY
    WITH worded AS (
        SELECT h.id, h.points / ideal AS lexical, h.matched / n AS coverage
        FROM ml_ops.search_worded(terms, weights, places, by_words) AS h
    ), near AS MATERIALIZED (
        SELECT m.no::integer AS id FROM ml_ops.search_near(q, 100) AS m WHERE q IS NOT NULL AND m.meaning > 0
    ), chosen AS (
        SELECT p.product_no::integer AS id, c.clicks, c.purchases
        FROM ml.query_product AS c JOIN ml.search_product AS p USING (product_id) WHERE c.query = key AND c.clicks > 0
    ), found AS (
        SELECT id FROM worded UNION SELECT id FROM near UNION SELECT id FROM chosen
    ), every AS (
        SELECT f.id, coalesce(x.lexical, 0) AS lexical, coalesce(x.coverage, 0) AS coverage,
               coalesce(c.clicks, 0) AS clicks, coalesce(c.purchases, 0) AS purchases
        FROM found AS f LEFT JOIN worded AS x USING (id) LEFT JOIN chosen AS c USING (id)
    )
    SELECT p.product_no,
           w[1] * e.lexical + w[2] * e.coverage
           + CASE WHEN q IS NULL OR p.vector IS NULL THEN 0 ELSE w[3] * CASE WHEN n > 1 THEN 1 ELSE 0.125 END
                       * greatest(ml_ops.search_likeness(q, p.vector), 0) END
           + w[4] * p.popularity + w[5] * coalesce(p.category = search_candidates.category, false)::integer
           + w[6] * coalesce(p.brand = search_candidates.brand, false)::integer + w[7] * e.clicks + w[8] * e.purchases,
           e.lexical, e.coverage, e.clicks, e.purchases, p.product_id, p.category, p.brand, p.price
    FROM every AS e JOIN ml.search_product AS p ON p.product_no = e.id
    WHERE p.product_no = ANY (ARRAY(SELECT f.id::bigint FROM found AS f));  -- one look into the index for all
END
$$;

CREATE OR REPLACE FUNCTION ml_ops.search_filters(given jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    strange text := (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(given) AS k
                     WHERE k NOT IN ('brand', 'category', 'price_min', 'price_max', 'available'));
BEGIN
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'ml.search: filters knows brand, category, price_min, price_max and available, not %.', strange
            USING ERRCODE = '22023';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION ml.search(
    query text,
    n integer DEFAULT 20,
    customer_id text DEFAULT NULL,
    category text DEFAULT NULL,
    filters jsonb DEFAULT '{}',
    page integer DEFAULT 1
) RETURNS TABLE (
    rank integer,
    product_id text,
    title text,
    score double precision,
    why text,
    near boolean,
    understood jsonb,
    batch_id bigint,
    model_version integer
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    wanted constant integer := coalesce(search.n, 20);
    skipped constant integer := (coalesce(search.page, 1) - 1) * coalesce(search.n, 20);
    cat constant text := nullif(coalesce(search.category, search.filters ->> 'category'), '');
    limits constant jsonb := coalesce(search.filters, '{}');
    who constant text := search.customer_id;
    today constant date := ml_ops.search_today();
    gone constant boolean := coalesce((SELECT o.sold_out = 'gone' FROM ml_config.search_option AS o LIMIT 1), false)
                             OR coalesce((search.filters ->> 'available')::boolean, false);
    rules constant text[] := (SELECT s.rules FROM ml.search_setting AS s LIMIT 1);
    r record; told jsonb; pins text[]; far boolean := false;
    key text := ml_ops.search_key(rules, search.query);
    nos bigint[]; scores double precision[]; reasons text[]; sold text[]; last double precision;
BEGIN
    IF wanted NOT BETWEEN 1 AND 200 OR coalesce(search.page, 1) NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'ml.search: n is % and page %; n must be between 1 and 200, page between 1 and 1000.',
            wanted, search.page USING ERRCODE = '22023';
    END IF;
    IF limits <> '{}' THEN
        PERFORM ml_ops.search_filters(limits);
    END IF;
    IF search.query IS NULL THEN
        RETURN;
    END IF;
    IF cat IS NULL AND limits = '{}' THEN
        RETURN QUERY SELECT * FROM ml_ops.search_listed(key, who, skipped, wanted);
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    IF cat IS NULL AND limits - 'available' = '{}' THEN
        SELECT * INTO nos, scores, reasons, sold, told, last FROM ml_ops.search_known(key, who, skipped + wanted, today);
    END IF;
    IF nos IS NULL THEN
        sold := NULL;
        SELECT * INTO r FROM ml_ops.search_read(search.query, today);
        IF cardinality(r.terms) = 0 OR r.terms IS NULL THEN
            RETURN;
        END IF;
        key := r.key;
        told := jsonb_strip_nulls(jsonb_build_object(
            'words', to_jsonb(r.words), 'corrected_to', CASE WHEN r.corrected THEN array_to_string(r.words, ' ') END,
            'category', r.category, 'brand', r.brand, 'colour', r.colour,
            'price_from', r.least_price, 'price_to', r.most_price));

        SELECT array_agg(c.product_no ORDER BY c.total DESC, c.later, c.product_no),
               array_agg(c.total ORDER BY c.total DESC, c.later, c.product_no),
               array_agg(c.reason ORDER BY c.total DESC, c.later, c.product_no)
        INTO nos, scores, reasons
        FROM (
            SELECT f.*, concat_ws(', ', CASE WHEN f.coverage >= 1 THEN 'has every word' WHEN f.coverage > 0 THEN 'has some of the words'
                                             ELSE 'is near in meaning' END,
                                  CASE WHEN f.clicked >= 0.05 AND f.bought >= 0.3 THEN 'others who searched this bought it'
                                       WHEN f.clicked >= 0.05 THEN 'others who searched this chose it' END,
                                  CASE WHEN f.of_category = r.category THEN 'of the category meant' END,
                                  CASE WHEN f.of_brand = r.brand THEN 'of the brand' END,
                                  CASE WHEN f.share >= 0.2 THEN 'fits what you buy' END) AS reason
            FROM (
                SELECT f.no AS product_no, f.coverage, f.clicked, f.bought, f.of_category, f.of_brand, s.share,
                       coalesce(l.score, least(f.points, last)) + coalesce(0.15 * s.share, 0) AS total, l.score IS NULL AS later
                FROM ml_ops.search_candidates(
                         r.key, r.terms, r.weights, r.places, r.category, r.brand,
                         CASE WHEN limits = '{}' AND cat IS NULL THEN greatest(300, skipped + wanted) ELSE 3000 END) AS f
                LEFT JOIN ml.search_customer AS s ON s.customer_id = who AND s.category = f.of_category
                LEFT JOIN ml.query_product AS l ON last IS NOT NULL AND l.query = key AND l.product_id = f.product_id
                WHERE (cat IS NULL OR f.of_category = cat)
                  AND (NOT limits ? 'brand' OR limits -> 'brand' @> to_jsonb(f.of_brand))
                  AND (NOT limits ? 'price_min' OR f.price >= (limits ->> 'price_min')::double precision)
                  AND (NOT limits ? 'price_max' OR f.price <= (limits ->> 'price_max')::double precision)
                ORDER BY total DESC, later, product_no
                -- So many are looked at below; of a price that was typed, all.
                LIMIT CASE WHEN r.least_price IS NULL AND r.most_price IS NULL THEN 3 * (skipped + wanted) + 20 END) AS f
        ) AS c;
        IF r.least_price IS NOT NULL OR r.most_price IS NOT NULL THEN  -- kept where something is within
            SELECT array_agg(u.a ORDER BY u.o), array_agg(u.b ORDER BY u.o), array_agg(u.c ORDER BY u.o) INTO nos, scores, reasons
            FROM (
                SELECT x.*, bool_or(x.fits) OVER () AS some FROM (
                    SELECT v.*, (r.least_price IS NULL OR p.price >= r.least_price)
                                AND (r.most_price IS NULL OR p.price <= r.most_price) AS fits
                    FROM unnest(nos, scores, reasons) WITH ORDINALITY AS v (a, b, c, o)
                    JOIN ml.search_product AS p ON p.product_no = v.a) AS x) AS u
            WHERE u.fits OR NOT u.some;
        END IF;
        IF nos IS NULL THEN  -- never an empty page where something near exists
            far := true;
            SELECT array_agg(c.product_no ORDER BY c.popularity DESC, c.product_no), array_agg(0.0::double precision),
                   array_agg('nothing fits; this is what sells best'::text)
            INTO nos, scores, reasons
            FROM (SELECT p.product_no, p.popularity FROM ml.search_product AS p
                  WHERE p.category = coalesce(cat, r.category) AND p.available
                  ORDER BY p.popularity DESC, p.product_no LIMIT skipped + wanted) AS c;
        END IF;
    END IF;
    SELECT array_agg(x.target ORDER BY x.place, x.id) INTO pins FROM ml_config.search_rule AS x, ml.search_setting AS s
    WHERE x.kind = 'pin' AND ml_ops.search_key(s.rules, x.query) = key
      AND (x.starts_on IS NULL OR x.starts_on <= today) AND (x.ends_on IS NULL OR x.ends_on >= today);

    IF sold IS NULL THEN
        sold := ml_ops.on_sale(ARRAY(
            SELECT p.product_id FROM unnest(nos[: 3 * (skipped + wanted) + 20]) AS a JOIN ml.search_product AS p ON p.product_no = a
            UNION SELECT unnest(pins)));
    ELSIF pins IS NOT NULL THEN
        sold := sold || ml_ops.on_sale(pins);
    END IF;
    RETURN QUERY
    WITH listed AS (
        SELECT p.product_id, p.title, u.b AS score, u.c AS reason, p.batch_id, p.model_version,
               p.available AND p.product_id = ANY (sold) AS there, u.o
        FROM unnest(nos[: 3 * (skipped + wanted) + 20], scores, reasons) WITH ORDINALITY AS u (a, b, c, o)
        JOIN ml.search_product AS p ON p.product_no = u.a WHERE (p.product_id = ANY (pins)) IS NOT TRUE
    ), pinned AS (
        SELECT p.product_id, p.title, 0.0::double precision AS score, 'chosen by the shop'::text AS reason, p.batch_id, p.model_version,
               coalesce(x.place, 1) AS place, x.id
        FROM ml_config.search_rule AS x JOIN ml.search_product AS p ON p.product_id = x.target, ml.search_setting AS s
        WHERE x.kind = 'pin' AND x.target = ANY (pins) AND x.target = ANY (sold) AND ml_ops.search_key(s.rules, x.query) = key
    ), every AS (
        SELECT l.*, row_number() OVER (ORDER BY l.there DESC, l.o)
                    + (SELECT count(*) FROM pinned AS i WHERE i.place <= row_number) AS at
        FROM (SELECT l.*, row_number() OVER (ORDER BY l.there DESC, l.o) FROM listed AS l WHERE l.there OR NOT gone) AS l
        UNION ALL
        SELECT i.product_id, i.title, i.score, i.reason, i.batch_id, i.model_version, true, 0, 0, i.place - 0.5
        FROM pinned AS i
    ), placed AS (
        SELECT e.*, row_number() OVER (ORDER BY e.at, e.o, e.product_id) AS final FROM every AS e
    )
    SELECT e.final::integer, e.product_id, e.title, e.score,
           e.reason || CASE WHEN e.there THEN '' ELSE ', sold out' END,
           far OR e.reason LIKE 'is near%', told, e.batch_id, e.model_version
    FROM placed AS e WHERE e.final > skipped AND e.final <= skipped + wanted ORDER BY e.final;
END
$$;

CREATE OR REPLACE FUNCTION ml.facets(query text, category text DEFAULT NULL)
RETURNS TABLE (facet text, value text, products bigint, price_from double precision, price_to double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    r record;
BEGIN
    SELECT * INTO r FROM ml_ops.search_read(facets.query, ml_ops.search_today());
    IF cardinality(r.terms) = 0 OR r.terms IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH found AS MATERIALIZED (
        SELECT c.of_category AS category, c.of_brand AS brand, c.price
        FROM ml_ops.search_candidates(r.key, r.terms, r.weights, r.places, r.category, r.brand, 2000) AS c
        WHERE c.coverage >= 1 AND (facets.category IS NULL OR c.of_category = facets.category)
    ), bands AS (
        SELECT f.price, ntile(4) OVER (ORDER BY f.price) AS band FROM found AS f WHERE f.price IS NOT NULL
    )
    (SELECT 'category'::text, f.category, count(*), min(f.price), max(f.price) FROM found AS f WHERE f.category <> ''
     GROUP BY f.category ORDER BY 3 DESC, 2 LIMIT 20)
    UNION ALL
    (SELECT 'brand', f.brand, count(*), min(f.price), max(f.price) FROM found AS f WHERE f.brand <> ''
     GROUP BY f.brand ORDER BY 3 DESC, 2 LIMIT 20)
    UNION ALL
    (SELECT 'price', round(min(b.price)::numeric, 2) || ' to ' || round(max(b.price)::numeric, 2), count(*), min(b.price), max(b.price)
     FROM bands AS b GROUP BY b.band ORDER BY 4);
END
$$;
