-- ml.suggest: what may be meant while somebody types.

-- Prefixes that differ from one by a slip: a letter swapped with the next, left out, put in or changed; never the first.
CREATE OR REPLACE FUNCTION ml_ops.search_slips(prefix text) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(DISTINCT s.w) FROM (
        SELECT left(prefix, i - 1) || substr(prefix, i + 1, 1) || substr(prefix, i, 1) || substr(prefix, i + 2) AS w
        FROM generate_series(2, length(prefix) - 1) AS i
        UNION ALL SELECT left(prefix, i - 1) || substr(prefix, i + 1) FROM generate_series(2, length(prefix)) AS i
        UNION ALL SELECT left(prefix, i - 1) || letter || substr(prefix, i + 1)
        FROM generate_series(2, length(prefix)) AS i, unnest(string_to_array('abcdefghijklmnopqrstuvwxyz', NULL)) AS letter
        UNION ALL SELECT left(prefix, i) || letter || substr(prefix, i + 1)
        FROM generate_series(1, length(prefix)) AS i, unnest(string_to_array('abcdefghijklmnopqrstuvwxyz', NULL)) AS letter
    ) AS s
$$;

CREATE OR REPLACE FUNCTION ml.suggest(prefix text, n integer DEFAULT 8, customer_id text DEFAULT NULL)
RETURNS TABLE (rank integer, suggestion text, kind text, corrected boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    rules constant text[] := (SELECT s.rules FROM ml.search_setting AS s LIMIT 1);
    wanted constant integer := coalesce(suggest.n, 8);
    typed text := left(ml_ops.search_key(rules, suggest.prefix), 30);
    keys text[]; slipped boolean := false;
BEGIN
    IF wanted NOT BETWEEN 1 AND 50 THEN
        RAISE EXCEPTION 'ml.suggest: n is %, and must be between 1 and 50.', wanted USING ERRCODE = '22023';
    END IF;
    IF typed IS NULL OR typed = '' THEN
        RETURN;
    END IF;
    keys := ARRAY[typed];
    IF NOT EXISTS (SELECT FROM ml.search_prefix AS p WHERE p.prefix = typed) AND length(typed) > 2 THEN
        slipped := true;
        keys := ml_ops.search_slips(typed);
    END IF;
    RETURN QUERY
    SELECT row_number() OVER (ORDER BY b.weight DESC, b.text)::integer, b.text, b.kind, slipped
    FROM (
        SELECT u.text, min(u.kind) AS kind,
               max(u.weight * (1 + coalesce(CASE u.kind WHEN 'category' THEN (
                       SELECT 3 * s.share FROM ml.search_customer AS s
                       WHERE s.customer_id = suggest.customer_id AND s.category = u.text)
                   WHEN 'query' THEN (
                       SELECT 3 * s.share FROM ml.search_customer AS s JOIN ml.query AS q ON q.query = u.text
                       WHERE s.customer_id = suggest.customer_id AND s.category = q.category) END, 0))) AS weight
        FROM ml.search_prefix AS p, unnest(p.texts, p.kinds, p.weights) AS u (text, kind, weight)
        WHERE p.prefix = ANY (keys) GROUP BY u.text) AS b
    ORDER BY b.weight DESC, b.text LIMIT wanted;
END
$$;
