-- What the shop calls while it makes a page: ml.recommend and ml.recommend_for_basket.
--
-- They read the published batches, and the shop's rules and catalogue as they are at this moment. Run whenever a batch takes
-- the place of another, in the same transaction, with the shop's time zone set and function bodies unchecked.

-- The beginning of one of a customer's own lists, whole or nothing: what is not excluded and what the shop sells at this
-- moment. In SQL, so that it becomes part of the query that asks; a product each, so that no plan reads the whole catalogue.
DO $make$
DECLARE
    own constant text := $sql$
        CREATE OR REPLACE FUNCTION ml_ops.recommender_%1$s(
            who text, wanted integer, unwanted text[], no_products text[], no_brands text[], no_categories text[]
        ) RETURNS TABLE (rank integer, product_id text, score double precision, reason text, source_product_id text,
                         batch_id bigint, model_version integer)
        LANGUAGE sql STABLE AS $body$
            SELECT u.nth::integer, u.product_id, u.score, u.reason, u.source_product_id, u.batch_id, u.model_version
            FROM (
                SELECT row_number() OVER () AS nth, count(*) OVER () AS every, o.*
                FROM (
                    SELECT l.product_id, l.score, l.reason, l.%3$s AS source_product_id, l.batch_id, l.model_version
                    FROM %2$s AS l CROSS JOIN LATERAL (%4$s LIMIT 1) AS x
                    WHERE l.customer_id = who AND (l.product_id = ANY (unwanted)) IS NOT TRUE
                      AND (l.product_id = ANY (no_products)) IS NOT TRUE AND (l.brand = ANY (no_brands)) IS NOT TRUE
                      AND (l.category = ANY (no_categories)) IS NOT TRUE AND %5$s
                    ORDER BY l.rank LIMIT wanted) AS o) AS u
            WHERE u.every >= wanted
        $body$$sql$;
    again constant text := $sql$(
        SELECT b.*, s.brand, s.category FROM ml.buy_again AS b
        LEFT JOIN LATERAL (SELECT p.brand, p.category FROM ml.product_state AS p WHERE p.product_id = b.product_id LIMIT 1) AS s ON true)$sql$;
    sale record;
    for_sale text;
BEGIN
    sale := ml_ops.on_sale_where();
    for_sale := format('SELECT FROM shop.product AS p WHERE p.product_id = (l.product_id)::%s%s', sale.key, sale.condition);
    DROP FUNCTION IF EXISTS ml_ops.recommender_on_sale(text[]);
    DROP FUNCTION IF EXISTS ml_ops.recommender_home(text, integer, text[], text[], text[]);  -- of before
    DROP FUNCTION IF EXISTS ml_ops.recommender_new(text, integer, text[], text[], text[]);
    DROP FUNCTION IF EXISTS ml_ops.recommender_again(text, integer, text[], text[], text[]);
    EXECUTE format(own, 'home', 'ml.recommendation', 'source_product_id', for_sale, $$l.reason_code <> 'pinned'$$);
    EXECUTE format(own, 'new', 'ml.discovery', 'source_product_id', for_sale, 'true');
    EXECUTE format(own, 'again', again, 'product_id', for_sale, 'true');
END
$make$;

-- Today in the shop's time zone, that of the session that makes the function.
DO $make$
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION ml_ops.recommender_today() RETURNS date LANGUAGE sql STABLE AS %L',
        format('SELECT (now() AT TIME ZONE %L)::date', current_setting('TimeZone')));
END
$make$;

-- The words of a reason in the shop's language.
CREATE OR REPLACE FUNCTION ml_ops.recommender_words(wanted text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT t.template FROM ml_config.reason_template AS t JOIN ml_config.recommender_setting AS s USING (language)
         WHERE t.code = wanted),
        (SELECT t.template FROM ml_config.reason_template AS t WHERE t.language = 'en' AND t.code = wanted),
        '')
$$;

-- The set of rules that an experiment shows a customer; null: none.
CREATE OR REPLACE FUNCTION ml_ops.recommender_set(who text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT e.told ->> 'rule_set' FROM ml_ops.experiment_arm AS a JOIN ml_ops.experiment AS e ON e.name = a.experiment AND e.arm = a.arm
    WHERE a.capability = 'recommender' AND a.customer_id = who AND a.shows = 'rules' LIMIT 1
$$;

-- Which of ids may be shown by the night's state and today's rules: those for all and those of one set.
DROP FUNCTION IF EXISTS ml_ops.recommender_fit(text[], date, text, text);
CREATE OR REPLACE FUNCTION ml_ops.recommender_fit(ids text[], today date, seg text, cat text, own_set text) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        WITH excluded AS MATERIALIZED (
            SELECT r.product_id, r.category, r.brand, r.min_price::real AS min_price, r.max_price::real AS max_price
            FROM ml_config.rule AS r
            WHERE r.kind = 'exclude' AND (r.rule_set IS NULL OR r.rule_set = own_set) AND (r.segment IS NULL OR r.segment = seg)
              AND (r.starts_on IS NULL OR r.starts_on <= today) AND (r.ends_on IS NULL OR r.ends_on >= today))
        SELECT s.product_id FROM ml.product_state AS s
        WHERE s.product_id = ANY (ids) AND s.available AND (cat IS NULL OR s.category = cat)
          AND NOT EXISTS (
              SELECT FROM excluded AS r
              WHERE (r.product_id IS NULL OR r.product_id = s.product_id)
                AND (r.category IS NULL OR r.category = s.category)
                AND (r.brand IS NULL OR r.brand = s.brand)
                -- A night compares prices in 32 bit.
                AND (r.min_price IS NULL OR s.price::real >= r.min_price)
                AND (r.max_price IS NULL OR s.price::real <= r.max_price)));
END
$$;

DROP FUNCTION IF EXISTS ml.recommend(text, integer, text, text[], text);  -- of before there was a mix

CREATE OR REPLACE FUNCTION ml.recommend(
    customer_id text,
    n integer DEFAULT 10,
    category text DEFAULT NULL,
    exclude text[] DEFAULT '{}',
    segment text DEFAULT NULL,
    mix text DEFAULT 'home'
) RETURNS TABLE (
    rank integer,
    product_id text,
    score double precision,
    reason text,
    source_product_id text,
    batch_id bigint,
    model_version integer
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    who constant text := recommend.customer_id;
    wanted constant integer := coalesce(recommend.n, 10);
    cat constant text := nullif(recommend.category, '');
    unwanted constant text[] := recommend.exclude;
    today constant date := ml_ops.recommender_today();
    seg text := recommend.segment;
    hidden boolean; own_set text;  -- what an experiment shows this customer: nothing, or what a set of rules says
    first bigint := 1; last bigint;  -- how far down a list is read: most often its beginning is enough
    shown constant text := coalesce(recommend.mix, 'home');
    pinned boolean;
    no_products text[]; no_brands text[]; no_categories text[]; other_rules boolean;  -- what the rules of today exclude
    guarded boolean;  -- something is excluded today: each product is held against the rules
    limited boolean;  -- a category has a limit; on the page of one category it means nothing
    pins text[]; pin_places bigint[]; chosen text;  -- the reason of a pin
    pin integer := 1; other integer := 1; free integer[] := '{}'; order_of integer[];  -- of the list with its pins: places in it, or less than 0: pins
    -- The list so far, one array a column; the next part of it in found_….
    ids text[]; scores double precision[]; reasons text[]; sources text[]; batches bigint[]; versions integer[];
    found_ids text[]; found_scores double precision[]; found_reasons text[]; found_sources text[];
    found_batches bigint[]; found_versions integer[];
    sold text[];
    tier text;
BEGIN
    IF wanted NOT BETWEEN 1 AND 500 THEN
        RAISE EXCEPTION 'ml.recommend: n is %, and must be between 1 and 500.', wanted USING ERRCODE = '22023';
    ELSIF cardinality(unwanted) > 1000 THEN
        RAISE EXCEPTION 'ml.recommend: exclude holds % products, and may hold 1000.', cardinality(unwanted)
            USING ERRCODE = '22023';
    ELSIF shown NOT IN ('home', 'new', 'again') THEN
        RAISE EXCEPTION 'ml.recommend: mix is %, and may be home, new or again.', shown USING ERRCODE = '22023';
    END IF;

    -- One look at what holds today, so that a call costs few statements. Rules that name one thing are lists of it; only for
    -- others is a product held against each. Who the customer is to them is looked up where one asks for it.
    SELECT (SELECT bool_or(a.shows = 'nothing') FROM ml_ops.experiment_arm AS a WHERE a.capability = 'recommender' AND a.customer_id = who),
           cat IS NULL AND EXISTS (SELECT FROM ml_config.category_rule AS c WHERE c.max_per_list IS NOT NULL),
           coalesce(bool_or(r.kind = 'pin'), false),
           array_agg(r.product_id) FILTER (WHERE r.kind = 'exclude'), array_agg(r.brand) FILTER (WHERE r.kind = 'exclude'),
           array_agg(r.category) FILTER (WHERE r.kind = 'exclude'), coalesce(bool_or(r.kind = 'exclude'), false),
           coalesce(bool_or(r.kind = 'exclude' AND (num_nonnulls(r.product_id, r.brand, r.category) <> 1
                                                    OR num_nonnulls(r.min_price, r.max_price) > 0)), false)
    INTO hidden, limited, pinned, no_products, no_brands, no_categories, guarded, other_rules
    FROM ml_config.rule AS r
    WHERE (r.kind = 'exclude' OR r.kind = 'pin' AND r.rank <= wanted AND shown = 'home')
      AND (r.rule_set IS NULL OR r.rule_set = ml_ops.recommender_set(who))
      AND (r.segment IS NULL OR r.segment = coalesce(seg, (SELECT c.segment FROM ml.customer_segment AS c WHERE c.customer_id = who)))
      AND (r.starts_on IS NULL OR r.starts_on <= today) AND (r.ends_on IS NULL OR r.ends_on >= today);
    IF hidden THEN
        RETURN;  -- an experiment shows this customer nothing
    END IF;

    IF pinned THEN
        -- Each product once, at its first place.
        seg := coalesce(seg, (SELECT c.segment FROM ml.customer_segment AS c WHERE c.customer_id = who), '');
        own_set := ml_ops.recommender_set(who);
        SELECT array_agg(u.product_id ORDER BY u.rank, u.id), array_agg(u.rank ORDER BY u.rank, u.id) INTO pins, pin_places
        FROM (
            SELECT DISTINCT ON (r.product_id) r.product_id, r.rank, r.id FROM ml_config.rule AS r
            WHERE r.kind = 'pin' AND r.rank <= wanted AND (r.rule_set IS NULL OR r.rule_set = own_set)
              AND (r.segment IS NULL OR r.segment = seg) AND (r.product_id = ANY (unwanted)) IS NOT TRUE
              AND (r.starts_on IS NULL OR r.starts_on <= today) AND (r.ends_on IS NULL OR r.ends_on >= today)
            ORDER BY r.product_id, r.rank, r.id) AS u
        CROSS JOIN LATERAL (SELECT s.brand, s.category FROM ml.product_state AS s
                            WHERE s.product_id = u.product_id AND s.available LIMIT 1) AS s
        WHERE (cat IS NULL OR s.category = cat)
          AND (other_rules OR (u.product_id = ANY (no_products)) IS NOT TRUE AND (s.brand = ANY (no_brands)) IS NOT TRUE
                              AND (s.category = ANY (no_categories)) IS NOT TRUE);
        sold := ml_ops.on_sale(CASE WHEN other_rules THEN ml_ops.recommender_fit(pins, today, seg, cat, own_set) ELSE pins END);
        IF cardinality(sold) < cardinality(pins) THEN
            SELECT array_agg(u.a ORDER BY u.o), array_agg(u.b ORDER BY u.o) INTO pins, pin_places
            FROM unnest(pins, pin_places) WITH ORDINALITY AS u (a, b, o) WHERE u.a = ANY (sold);
        END IF;
        chosen := coalesce((
            SELECT t.template FROM ml_config.reason_template AS t
            WHERE t.code = 'pinned' AND t.language IN ('en', (SELECT s.language FROM ml_config.recommender_setting AS s LIMIT 1))
            ORDER BY t.language = 'en' LIMIT 1), '');
    END IF;
    IF NOT (limited OR cat IS NOT NULL OR other_rules) THEN
        -- What most calls are: the beginning of one of the customer's own lists, as it is; around the pins, if there are any.
        BEGIN
            IF pins IS NOT NULL THEN
                FOR place IN 1 .. wanted LOOP
                    IF pin_places[pin] <= place THEN  -- or at the next, if its place is taken
                        order_of := order_of || place; pin := pin + 1;
                    ELSE
                        free := free || place;
                    END IF;
                END LOOP;
                RETURN QUERY
                SELECT u.place, u.product_id, u.score, u.reason, u.source_product_id, u.batch_id, u.model_version
                FROM (
                    SELECT o.*, count(*) OVER () AS every FROM (
                        SELECT free[l.rank] AS place, l.product_id, l.score, l.reason, l.source_product_id, l.batch_id, l.model_version
                        FROM ml_ops.recommender_home(who, cardinality(free), unwanted || pins, no_products, no_brands, no_categories) AS l
                        UNION ALL
                        SELECT p.place, p.product_id, coalesce((
                                   SELECT l.score FROM ml.recommendation AS l WHERE l.customer_id = who AND l.product_id = p.product_id LIMIT 1), 0),
                               chosen, NULL, s.batch_id, s.model_version
                        FROM unnest(pins, order_of) AS p (product_id, place)
                             CROSS JOIN (SELECT s.batch_id, s.model_version FROM ml.product_state AS s LIMIT 1) AS s
                        WHERE p.place IS NOT NULL) AS o) AS u
                WHERE u.every = wanted ORDER BY u.place;
            ELSIF shown = 'home' THEN
                RETURN QUERY SELECT * FROM ml_ops.recommender_home(who, wanted, unwanted, no_products, no_brands, no_categories);
            ELSIF shown = 'new' THEN
                RETURN QUERY SELECT * FROM ml_ops.recommender_new(who, wanted, unwanted, no_products, no_brands, no_categories);
            ELSE
                RETURN QUERY SELECT * FROM ml_ops.recommender_again(who, wanted, unwanted, no_products, no_brands, no_categories);
            END IF;
            IF FOUND THEN
                RETURN;
            END IF;
        EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR invalid_schema_name
            OR insufficient_privilege OR datatype_mismatch OR data_exception THEN
            NULL;  -- no shop here, or another one than at the last publication: the long way knows what to do
        END;
    END IF;

    seg := coalesce(seg, (SELECT c.segment FROM ml.customer_segment AS c WHERE c.customer_id = who), '');
    own_set := coalesce(own_set, ml_ops.recommender_set(who));
    pin := 1; order_of := NULL;
    last := wanted + coalesce(cardinality(unwanted), 0) + coalesce(cardinality(pins), 0);
    FOREACH tier IN ARRAY ARRAY[
        'own', 'own rest', 'again', 'discovery', 'newcomers in the segment', 'newcomers', 'popular in the segment', 'popular', 'popular rest', 'range'
    ] LOOP
        EXIT WHEN cardinality(ids) >= wanted AND NOT limited;
        CASE
        WHEN tier IN ('own', 'own rest') THEN  -- what was pinned last night and is no longer goes
            CONTINUE WHEN shown <> 'home' OR tier = 'own rest' AND cat IS NOT NULL;
            IF tier = 'own rest' OR cat IS NOT NULL THEN
                first := CASE tier WHEN 'own' THEN 1 ELSE last + 1 END; last := 1000000;
            END IF;
            SELECT array_agg(l.product_id ORDER BY l.rank), array_agg(l.score ORDER BY l.rank),
                   array_agg(l.reason ORDER BY l.rank), array_agg(l.source_product_id ORDER BY l.rank),
                   array_agg(l.batch_id ORDER BY l.rank), array_agg(l.model_version ORDER BY l.rank)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM ml.recommendation AS l
            WHERE l.customer_id = who AND l.rank BETWEEN first AND last
              AND (l.reason_code <> 'pinned' OR l.product_id = ANY (pins))
              AND (l.product_id = ANY (unwanted)) IS NOT TRUE
              AND (cat IS NULL OR cat = (SELECT s.category FROM ml.product_state AS s WHERE s.product_id = l.product_id));
        WHEN tier = 'again' THEN  -- what is not due again stays away: no other list stands in for it
            CONTINUE WHEN shown <> 'again';
            SELECT array_agg(l.product_id ORDER BY l.rank), array_agg(l.score ORDER BY l.rank),
                   array_agg(l.reason ORDER BY l.rank), array_agg(l.product_id ORDER BY l.rank),
                   array_agg(l.batch_id ORDER BY l.rank), array_agg(l.model_version ORDER BY l.rank)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM ml.buy_again AS l
            WHERE l.customer_id = who AND (l.product_id = ANY (unwanted)) IS NOT TRUE
              AND (cat IS NULL OR cat = (SELECT s.category FROM ml.product_state AS s WHERE s.product_id = l.product_id));
        WHEN tier = 'discovery' THEN  -- the customer's own further ranking, before what strangers see
            EXIT WHEN shown = 'again';
            SELECT array_agg(l.product_id ORDER BY l.rank), array_agg(l.score ORDER BY l.rank),
                   array_agg(l.reason ORDER BY l.rank), array_agg(l.source_product_id ORDER BY l.rank),
                   array_agg(l.batch_id ORDER BY l.rank), array_agg(l.model_version ORDER BY l.rank)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM ml.discovery AS l
            WHERE l.customer_id = who
              AND (l.product_id = ANY (ids)) IS NOT TRUE AND (l.product_id = ANY (unwanted)) IS NOT TRUE
              AND (cat IS NULL OR cat = (SELECT s.category FROM ml.product_state AS s WHERE s.product_id = l.product_id));
        WHEN tier IN ('newcomers in the segment', 'newcomers') THEN
            IF tier = 'newcomers in the segment' THEN
                first := 1; last := 3 + wanted + coalesce(cardinality(unwanted), 0);
            END IF;
            CONTINUE WHEN cat IS NOT NULL OR (seg = '' AND tier = 'newcomers in the segment');
            SELECT array_agg(l.product_id ORDER BY l.rank), array_agg(l.score ORDER BY l.rank),
                   array_agg(l.reason ORDER BY l.rank), array_agg(NULL::text),
                   array_agg(l.batch_id ORDER BY l.rank), array_agg(l.model_version ORDER BY l.rank)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM ml.cold_start AS l
            WHERE l.segment = CASE tier WHEN 'newcomers' THEN '' ELSE seg END AND l.rank BETWEEN first AND last
              AND (l.product_id = ANY (ids)) IS NOT TRUE AND (l.product_id = ANY (unwanted)) IS NOT TRUE;
        WHEN tier IN ('popular in the segment', 'popular', 'popular rest') THEN
            CONTINUE WHEN seg = '' AND tier = 'popular in the segment';
            IF tier = 'popular rest' THEN
                first := last + 1; last := 1000000;
            END IF;
            SELECT array_agg(l.product_id ORDER BY l.rank), array_agg(l.score ORDER BY l.rank),
                   array_agg(l.reason ORDER BY l.rank), array_agg(NULL::text),
                   array_agg(l.batch_id ORDER BY l.rank), array_agg(l.model_version ORDER BY l.rank)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM ml.popular_product AS l
            WHERE l.segment = CASE tier WHEN 'popular in the segment' THEN seg ELSE '' END AND l.category = coalesce(cat, '')
              AND l.rank BETWEEN first AND last
              AND (l.product_id = ANY (ids)) IS NOT TRUE AND (l.product_id = ANY (unwanted)) IS NOT TRUE;
        ELSE  -- anything that is for sale
            SELECT array_agg(l.product_id), array_agg(0::double precision),
                   array_agg(ml_ops.recommender_words('range')), array_agg(NULL::text),
                   array_agg(l.batch_id), array_agg(l.model_version)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM (
                SELECT s.product_id, s.batch_id, s.model_version FROM ml.product_state AS s
                WHERE s.category = cat
                  AND (s.product_id = ANY (ids)) IS NOT TRUE AND (s.product_id = ANY (unwanted)) IS NOT TRUE
                  AND s.available
                UNION ALL
                SELECT s.product_id, s.batch_id, s.model_version FROM ml.product_state AS s
                WHERE cat IS NULL
                  AND (s.product_id = ANY (ids)) IS NOT TRUE AND (s.product_id = ANY (unwanted)) IS NOT TRUE
                  AND s.available
                LIMIT 5 * wanted + 50) AS l;
        END CASE;
        IF found_ids IS NOT NULL THEN
            sold := CASE WHEN guarded THEN ml_ops.recommender_fit(found_ids, today, seg, cat, own_set) ELSE found_ids END;
            sold := ml_ops.on_sale(sold);
            IF cardinality(sold) < cardinality(found_ids) THEN
                SELECT array_agg(u.a ORDER BY u.o), array_agg(u.b ORDER BY u.o), array_agg(u.c ORDER BY u.o),
                       array_agg(u.d ORDER BY u.o), array_agg(u.e ORDER BY u.o), array_agg(u.f ORDER BY u.o)
                INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
                FROM unnest(found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions)
                     WITH ORDINALITY AS u (a, b, c, d, e, f, o)
                WHERE u.a = ANY (sold);
            END IF;
            ids := ids || found_ids; scores := scores || found_scores; reasons := reasons || found_reasons;
            sources := sources || found_sources; batches := batches || found_batches; versions := versions || found_versions;
        END IF;
    END LOOP;

    IF limited THEN
        -- The pins count towards their categories' limits.
        SELECT array_agg(u.a ORDER BY u.o), array_agg(u.b ORDER BY u.o), array_agg(u.c ORDER BY u.o),
               array_agg(u.d ORDER BY u.o), array_agg(u.e ORDER BY u.o), array_agg(u.f ORDER BY u.o)
        INTO ids, scores, reasons, sources, batches, versions
        FROM (
            SELECT u.*, c.max_per_list, count(*) OVER (PARTITION BY s.category ORDER BY u.o) + (
                       SELECT count(*) FROM ml.product_state AS q
                       WHERE q.product_id = ANY (pins) AND q.category = s.category) AS nth
            FROM unnest(ids, scores, reasons, sources, batches, versions) WITH ORDINALITY AS u (a, b, c, d, e, f, o)
                 LEFT JOIN ml.product_state AS s ON s.product_id = u.a
                 LEFT JOIN ml_config.category_rule AS c ON c.category = s.category
            WHERE (u.a = ANY (pins)) IS NOT TRUE) AS u
        WHERE u.max_per_list IS NULL OR u.nth <= u.max_per_list;
    END IF;
    IF cardinality(pins) > 0 THEN
        -- A pin stands at its place, or at the next if that is taken; the others stand around the pins.
        FOR place IN 1 .. wanted LOOP
            WHILE ids[other] = ANY (pins) LOOP
                other := other + 1;
            END LOOP;
            IF pin <= cardinality(pins) AND (pin_places[pin] <= place OR other > coalesce(cardinality(ids), 0)) THEN
                order_of := order_of || -pin;
                pin := pin + 1;
            ELSE
                EXIT WHEN other > coalesce(cardinality(ids), 0);
                order_of := order_of || other;
                other := other + 1;
            END IF;
        END LOOP;
        RETURN QUERY
        SELECT u.o::integer, CASE WHEN u.i > 0 THEN ids[u.i] ELSE pins[-u.i] END,
               CASE WHEN u.i > 0 THEN scores[u.i] ELSE coalesce(scores[array_position(ids, pins[-u.i])], (
                   SELECT l.score FROM ml.recommendation AS l WHERE l.customer_id = who AND l.product_id = pins[-u.i] LIMIT 1), 0) END,
               CASE WHEN u.i > 0 THEN reasons[u.i] ELSE chosen END,
               CASE WHEN u.i > 0 THEN sources[u.i] END,
               CASE WHEN u.i > 0 THEN batches[u.i] ELSE (SELECT s.batch_id FROM ml.product_state AS s LIMIT 1) END,
               CASE WHEN u.i > 0 THEN versions[u.i] ELSE (SELECT s.model_version FROM ml.product_state AS s LIMIT 1) END
        FROM unnest(order_of) WITH ORDINALITY AS u (i, o);
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.o::integer, u.a, u.b, u.c, u.d, u.e, u.f
    FROM unnest(ids, scores, reasons, sources, batches, versions) WITH ORDINALITY AS u (a, b, c, d, e, f, o)
    LIMIT wanted;
END
$$;

CREATE OR REPLACE FUNCTION ml.recommend_for_basket(product_ids text[], n integer DEFAULT 10) RETURNS TABLE (
    rank integer,
    product_id text,
    score double precision,
    reason text,
    source_product_id text,
    batch_id bigint,
    model_version integer
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    basket constant text[] := recommend_for_basket.product_ids;
    wanted constant integer := coalesce(recommend_for_basket.n, 10);
    today constant date := ml_ops.recommender_today();
    guarded constant boolean := EXISTS (SELECT FROM ml_config.rule AS r WHERE r.kind = 'exclude' AND r.rule_set IS NULL);
    first bigint := 1; last bigint;
    ids text[]; scores double precision[]; reasons text[]; sources text[]; batches bigint[]; versions integer[];
    found_ids text[]; found_scores double precision[]; found_reasons text[]; found_sources text[];
    found_batches bigint[]; found_versions integer[];
    sold text[];
    tier text;
BEGIN
    IF wanted NOT BETWEEN 1 AND 500 THEN
        RAISE EXCEPTION 'ml.recommend_for_basket: n is %, and must be between 1 and 500.', wanted USING ERRCODE = '22023';
    ELSIF cardinality(basket) > 1000 THEN
        RAISE EXCEPTION 'ml.recommend_for_basket: the basket holds % products, and may hold 1000.', cardinality(basket)
            USING ERRCODE = '22023';
    END IF;

    last := 3 + wanted + coalesce(cardinality(basket), 0);
    FOREACH tier IN ARRAY ARRAY['together', 'similar', 'popular', 'popular rest'] LOOP
        CASE
        -- The sum over the products of the basket, explained by the largest part.
        WHEN tier = 'together' THEN
            SELECT array_agg(l.a), array_agg(l.b), array_agg(l.c), array_agg(l.d), array_agg(l.e), array_agg(l.f)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM (
                SELECT t.other_product_id AS a, sum(t.score) AS b, (array_agg(t.reason ORDER BY t.score DESC))[1] AS c,
                       (array_agg(t.product_id ORDER BY t.score DESC))[1] AS d, min(t.batch_id) AS e,
                       min(t.model_version) AS f
                FROM ml.bought_together AS t
                WHERE t.product_id = ANY (basket) AND (t.other_product_id = ANY (basket)) IS NOT TRUE
                GROUP BY t.other_product_id ORDER BY 2 DESC, 1 LIMIT wanted + 5) AS l;
        WHEN tier = 'similar' THEN
            SELECT array_agg(l.a), array_agg(l.b), array_agg(l.c), array_agg(l.d), array_agg(l.e), array_agg(l.f)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM (
                SELECT t.similar_product_id AS a, sum(t.score) AS b, (array_agg(t.reason ORDER BY t.score DESC))[1] AS c,
                       (array_agg(t.product_id ORDER BY t.score DESC))[1] AS d, min(t.batch_id) AS e,
                       min(t.model_version) AS f
                FROM ml.similar_product AS t
                WHERE t.product_id = ANY (basket) AND (t.similar_product_id = ANY (basket)) IS NOT TRUE
                  AND (t.similar_product_id = ANY (ids)) IS NOT TRUE
                GROUP BY t.similar_product_id ORDER BY 2 DESC, 1 LIMIT wanted + 5) AS l;
        ELSE
            IF tier = 'popular rest' THEN
                first := last + 1; last := 1000000;
            END IF;
            SELECT array_agg(l.product_id ORDER BY l.rank), array_agg(l.score ORDER BY l.rank),
                   array_agg(l.reason ORDER BY l.rank), array_agg(NULL::text),
                   array_agg(l.batch_id ORDER BY l.rank), array_agg(l.model_version ORDER BY l.rank)
            INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
            FROM ml.popular_product AS l
            WHERE l.segment = '' AND l.category = '' AND l.rank BETWEEN first AND last
              AND (l.product_id = ANY (ids)) IS NOT TRUE AND (l.product_id = ANY (basket)) IS NOT TRUE;
        END CASE;
        IF found_ids IS NOT NULL THEN
            sold := CASE WHEN guarded THEN ml_ops.recommender_fit(found_ids, today, '', NULL, NULL) ELSE found_ids END;
            sold := ml_ops.on_sale(sold);
            IF cardinality(sold) < cardinality(found_ids) THEN
                SELECT array_agg(u.a ORDER BY u.o), array_agg(u.b ORDER BY u.o), array_agg(u.c ORDER BY u.o),
                       array_agg(u.d ORDER BY u.o), array_agg(u.e ORDER BY u.o), array_agg(u.f ORDER BY u.o)
                INTO found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions
                FROM unnest(found_ids, found_scores, found_reasons, found_sources, found_batches, found_versions)
                     WITH ORDINALITY AS u (a, b, c, d, e, f, o)
                WHERE u.a = ANY (sold);
            END IF;
            ids := ids || found_ids; scores := scores || found_scores; reasons := reasons || found_reasons;
            sources := sources || found_sources; batches := batches || found_batches; versions := versions || found_versions;
        END IF;
        EXIT WHEN cardinality(ids) >= wanted;
    END LOOP;

    RETURN QUERY
    SELECT u.o::integer, u.a, u.b, u.c, u.d, u.e, u.f
    FROM unnest(ids, scores, reasons, sources, batches, versions) WITH ORDINALITY AS u (a, b, c, d, e, f, o)
    LIMIT wanted;
END
$$;

COMMENT ON FUNCTION ml.recommend(text, integer, text, text[], text, text) IS
    'The n best products for a customer at this moment: home, only what is new to them, or only what they are due to buy again (mix); from the customer''s own lists or else what newcomers and the segment buy; never what is excluded, sold out or no longer for sale.';
COMMENT ON FUNCTION ml.recommend_for_basket(text[], integer) IS
    'The n best products to go with a basket at this moment: bought together, similar, popular; never what is in it.';
