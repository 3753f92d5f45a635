-- ml.answer: what the shop answers to a question, for a chat widget. The scores are those of ml.text.phrases.

-- The shop's day. Which zone that is, the session says that makes the function.
DO $make$
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION ml_ops.service_today() RETURNS date LANGUAGE sql STABLE AS $body$ '
        'SELECT (now() AT TIME ZONE %L)::date $body$', current_setting('TimeZone'));
END
$make$;

CREATE OR REPLACE FUNCTION ml_ops.service_terms(words text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(DISTINCT t) FROM (
        SELECT u.word AS t FROM unnest(words) AS u (word)
        UNION ALL SELECT words[i] || ' ' || words[i + 1] FROM generate_series(1, cardinality(words) - 1) AS i
        UNION ALL SELECT left(u.word, 5) || '*' FROM unnest(words) AS u (word) WHERE length(u.word) >= 5) AS every
$$;

CREATE OR REPLACE FUNCTION ml_ops.service_day(micros bigint, language text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT to_char(timestamp '1970-01-01' + micros * interval '1 microsecond',
                   CASE WHEN language = 'de' THEN 'DD.MM.YYYY' WHEN language IN ('pt', 'es', 'fr', 'it') THEN 'DD/MM/YYYY' ELSE 'YYYY-MM-DD' END)
$$;

CREATE OR REPLACE FUNCTION ml.answer(
    question text,
    language text DEFAULT NULL,
    customer_id text DEFAULT NULL,
    n integer DEFAULT 3
) RETURNS TABLE (
    rank integer,
    intent text,
    chance double precision,
    known boolean,
    answer_id text,
    answer text,
    order_id text,
    to_person boolean,
    why text,
    batch_id bigint,
    model_version integer
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    s record; o record; a record; r record;
    today constant date := ml_ops.service_today();
    spoken constant text := lower(left(answer.language, 2));
    said text[]; whole text; terms text[]; told text; rule text; place integer := 0; sure double precision;
BEGIN
    IF coalesce(answer.n, 3) NOT BETWEEN 1 AND 20 THEN
        RAISE EXCEPTION 'ml.answer: n is %; it must be between 1 and 20.', answer.n USING ERRCODE = '22023';
    END IF;
    SELECT * INTO s FROM ml.service_setting AS x LIMIT 1;
    IF NOT FOUND OR answer.question IS NULL THEN
        RETURN;
    END IF;
    said := ml_ops.search_words(s.rules, ml_ops.search_fold(s.rules, left(answer.question, 1000)));
    terms := ml_ops.service_terms(said);
    SELECT * INTO o FROM ml.service_order AS x WHERE x.customer_id = answer.customer_id;
    -- A rule that begins with three plain letters is cut into words only where the question has these: cutting all took half of the time.
    whole := ' ' || array_to_string(said, ' ') || ' ';
    SELECT min(x.why) INTO rule FROM ml_config.service_rule AS x
    WHERE x.kind = 'word' AND CASE
        WHEN x.rule ~ '^[A-Za-z]{3}' AND position(lower(left(x.rule, 3) COLLATE "C") IN whole) = 0 THEN false
        ELSE position(' ' || array_to_string(ml_ops.search_words(s.rules, ml_ops.search_fold(s.rules, x.rule)), ' ') || ' ' IN whole) > 0 END;

    FOR r IN
        WITH met AS (
            -- A term each, so that no plan reads all that are known.
            SELECT u.t, k.idf, k.intents, k.weights FROM unnest(terms) AS u (t)
            LEFT JOIN LATERAL (SELECT x.idf, x.intents, x.weights FROM ml.service_term AS x WHERE x.term = u.t LIMIT 1) AS k ON true
        ), norm AS (
            SELECT sqrt(sum(coalesce(m.idf, s.strange) ^ 2)) AS size FROM met AS m
        ), scored AS (
            SELECT i.k, sum(m.idf * i.w) / (SELECT size FROM norm) AS score
            FROM met AS m, unnest(m.intents, m.weights) AS i (k, w) GROUP BY i.k
        ), every AS (
            SELECT k, coalesce(x.score, 0) AS score FROM generate_series(0, cardinality(s.intents) - 1) AS k LEFT JOIN scored AS x USING (k)
        ), chances AS (
            SELECT e.k, e.score, exp(s.sharpness * (e.score - max(e.score) OVER ())) AS z,
                   row_number() OVER (ORDER BY e.score DESC, e.k) AS place
            FROM every AS e
        )
        SELECT s.intents[c.k + 1] AS intent, c.z / sum(c.z) OVER () AS chance, c.place,
               1 / (1 + exp(-(s.top * max(c.score) FILTER (WHERE c.place = 1) OVER ()
                    + s.second * coalesce(max(c.score) FILTER (WHERE c.place = 2) OVER (), 0) + s.bias))) AS known
        FROM chances AS c ORDER BY c.place
    LOOP
        sure := r.known * r.chance;
        EXIT WHEN place >= coalesce(answer.n, 3) OR (place > 0 AND r.chance < 0.05);
        place := place + 1;
        rank := place; chance := r.chance; batch_id := s.batch_id; model_version := s.model_version;
        answer_id := NULL; answer := NULL; order_id := NULL;
        known := r.known >= 0.5 AND (place > 1 OR sure >= s.least_chance);
        IF NOT known THEN
            intent := 'unknown'; to_person := true; why := 'asks for nothing that is known';
            RETURN NEXT;
            RETURN;
        END IF;
        intent := r.intent; why := NULL;
        FOR a IN
            SELECT x.answer_id, x.answer, x.approved, coalesce(x.language, spoken) AS spoken FROM ml_config.answer AS x
            WHERE x.intent = r.intent AND (x.product_id IS NULL OR x.product_id = ANY(o.products)) AND (x.starts_on IS NULL OR x.starts_on <= today) AND (x.ends_on IS NULL OR x.ends_on >= today)
              AND (spoken IS NULL OR x.language IS NULL OR x.language = spoken)
              AND (NOT x.needs_order OR (o.order_id IS NOT NULL AND (x.order_state IS NULL OR x.order_state = o.order_state)))
            ORDER BY x.language IS NULL, x.language <> coalesce(spoken, 'en'), x.product_id IS NULL, NOT x.needs_order, x.order_state IS NULL, x.answer_id COLLATE "C"
        LOOP
            told := replace(replace(replace(a.answer, '{order}', coalesce(o.order_id, '{}')), '{carrier}', coalesce(o.carrier, '{}')),
                            '{total}', coalesce(round(o.order_value::numeric, 2)::text, '{}'));
            told := replace(replace(replace(told, '{ordered_on}', coalesce(ml_ops.service_day(o.ordered, a.spoken), '{}')),
                            '{promised_on}', coalesce(ml_ops.service_day(o.promised, a.spoken), '{}')),
                            '{delivered_on}', coalesce(ml_ops.service_day(o.delivered, a.spoken), '{}'));
            IF told !~ '\{[a-z_]*\}' THEN
                answer_id := a.answer_id; answer := told; why := CASE WHEN NOT a.approved THEN 'nobody approved this answer yet' END;
                order_id := CASE WHEN told <> a.answer THEN o.order_id END;
                EXIT;
            END IF;
        END LOOP;
        to_person := answer IS NULL OR rule IS NOT NULL OR why IS NOT NULL OR EXISTS (
            SELECT FROM ml_config.service_rule AS x WHERE x.kind = 'intent' AND x.rule = r.intent);
        why := coalesce(rule || ' always goes to a person', CASE WHEN answer IS NULL THEN 'no answer that holds and fits' END, why, 'asks for: ' || r.intent);
        RETURN NEXT;
    END LOOP;
END
$$;
