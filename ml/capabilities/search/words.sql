-- How ml.search, ml.suggest and ml.facets read what was typed, on the words of ml/text/words.sql: as ml.capabilities.search.reading
-- does. The rules (letters, regular expressions, units) are those of ml.search_setting.

-- A word, and what is left of it without up to most of its letters.
CREATE OR REPLACE FUNCTION ml_ops.search_deletions(word text, most integer) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    WITH one AS (SELECT left(word, i - 1) || substr(word, i + 1) AS w FROM generate_series(1, length(word)) AS i),
         two AS (SELECT left(o.w, i - 1) || substr(o.w, i + 1) AS w FROM one AS o, generate_series(1, length(o.w)) AS i
                 WHERE most > 1)
    SELECT array_agg(DISTINCT a.w) FROM (SELECT word AS w UNION ALL SELECT w FROM one UNION ALL SELECT w FROM two) AS a
$$;

-- Letters to add, drop, change or swap with the next; more than 2 is 3.
CREATE OR REPLACE FUNCTION ml_ops.search_distance(a text, b text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    x text := a; y text := b;
    older integer[]; old integer[]; new integer[];
    cost integer; n integer; m integer;
BEGIN
    IF abs(length(x) - length(y)) > 2 THEN
        RETURN 3;
    END IF;
    WHILE x <> '' AND left(x, 1) = left(y, 1) LOOP
        x := substr(x, 2); y := substr(y, 2);
    END LOOP;
    WHILE x <> '' AND right(x, 1) = right(y, 1) LOOP
        x := left(x, -1); y := left(y, -1);
    END LOOP;
    n := length(x); m := length(y);
    IF n = 0 OR m = 0 THEN
        RETURN greatest(n, m);
    ELSIF greatest(n, m) > 6 THEN
        RETURN 3;  -- two slips further apart than that are two words
    END IF;
    old := ARRAY(SELECT generate_series(0, m));
    FOR i IN 1 .. n LOOP
        new := ARRAY[i];
        FOR j IN 1 .. m LOOP
            cost := least(old[j + 1] + 1, new[j] + 1, old[j] + (substr(x, i, 1) <> substr(y, j, 1))::integer);
            IF i > 1 AND j > 1 AND substr(x, i, 1) = substr(y, j - 1, 1) AND substr(x, i - 1, 1) = substr(y, j, 1) THEN
                cost := least(cost, older[j - 1] + 1);
            END IF;
            new := new || cost;
        END LOOP;
        older := old; old := new;
    END LOOP;
    RETURN old[m + 1];
END
$$;

-- The word that was meant by one that nobody knows; null: none is near.
CREATE OR REPLACE FUNCTION ml_ops.search_best(wrong text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    most constant integer := CASE WHEN length(wrong) >= 8 THEN 2 ELSE 1 END;
BEGIN
    IF length(wrong) NOT BETWEEN 4 AND 24 OR wrong ~ '[0-9]' THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT c.word FROM (
            SELECT may.word, w.frequency, ml_ops.search_distance(wrong, may.word) AS d
            FROM (SELECT DISTINCT u.word FROM ml.search_spelling AS s, unnest(s.words) AS u (word)
                  WHERE s.variant = ANY (ml_ops.search_deletions(wrong, most))
                    AND length(u.word) BETWEEN length(wrong) - most AND length(wrong) + most) AS may
            -- A word each here and below, so that no plan reads all that are known.
            CROSS JOIN LATERAL (SELECT w.frequency FROM ml.search_word AS w WHERE w.word = may.word LIMIT 1) AS w) AS c
        WHERE c.d <= most
        ORDER BY c.d, left(c.word, 1) <> left(wrong, 1), c.frequency DESC, c.word COLLATE "C" LIMIT 1);
END
$$;

-- What a query means. Of the terms of one place the best counts.
CREATE OR REPLACE FUNCTION ml_ops.search_read(
    query text, today date,
    OUT key text, OUT words text[], OUT terms text[], OUT weights double precision[], OUT places integer[],
    OUT corrected boolean, OUT category text, OUT brand text, OUT colour text,
    OUT least_price numeric, OUT most_price numeric, OUT ruled boolean
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    s record; said record; r record;
    rules text[]; folded text; word text; stem text; known text[]; kind text; parts text[]; measured text[] := '{}';
    stems text[]; place integer := 0; at integer[]; hit text; amount text;
    counts double precision[];
BEGIN
    words := '{}'; terms := '{}'; weights := '{}'; places := '{}'; corrected := false; ruled := false;
    SELECT * INTO s FROM ml.search_setting AS x LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    rules := s.rules;
    key := ml_ops.search_key(rules, query);
    folded := ml_ops.search_fold(rules, left(query, 200));
    SELECT ml_ops.search_fold(rules, x.target) INTO hit FROM ml_config.search_rule AS x
    WHERE x.kind = 'redirect' AND ml_ops.search_key(rules, x.query) = key
      AND (x.starts_on IS NULL OR x.starts_on <= today) AND (x.ends_on IS NULL OR x.ends_on >= today)
    ORDER BY x.id LIMIT 1;
    IF FOUND THEN
        folded := hit; key := ml_ops.search_key(rules, hit); corrected := true; ruled := true;
    END IF;
    SELECT q.corrected, q.category, q.understood::jsonb AS told INTO said FROM ml.query AS q WHERE q.query = key;
    parts := regexp_match(folded, rules[10]);
    IF parts IS NOT NULL THEN
        most_price := replace(parts[1], ',', '.')::numeric;
        folded := regexp_replace(folded, rules[10], ' ');
    END IF;
    parts := regexp_match(folded, rules[11]);
    IF parts IS NOT NULL THEN
        least_price := replace(parts[1], ',', '.')::numeric;
        folded := regexp_replace(folded, rules[11], ' ');
    END IF;
    IF said.corrected IS NOT NULL THEN
        folded := said.corrected; corrected := true;
        least_price := (said.told ->> 'price_from')::numeric; most_price := (said.told ->> 'price_to')::numeric;
    END IF;
    IF folded ~ '[0-9]' OR folded ~ rules[8] THEN
        folded := regexp_replace(folded, rules[8], '\1 0.5 ', 'g');
        FOR parts IN SELECT m FROM regexp_matches(folded, rules[9], 'g') AS m LOOP
            amount := (SELECT u.base || ':' || trim_scale(round(replace(parts[2], ',', '.')::numeric * u.factor::numeric, 3))
                       FROM unnest(s.units, s.bases, s.factors) AS u (unit, base, factor) WHERE u.unit = parts[3]);
            IF EXISTS (SELECT FROM ml.search_term AS t WHERE t.term = amount) THEN
                measured := measured || amount;
                folded := replace(folded, parts[1], ' ');
            END IF;
        END LOOP;
    END IF;

    parts := ml_ops.search_words(rules, folded);
    IF cardinality(parts) > 1 AND EXISTS (
        SELECT FROM ml.search_word AS w WHERE w.word = array_to_string(parts, '') AND w.kind = 'code'
    ) THEN
        parts := ARRAY[array_to_string(parts, '')];  -- a product's number, however it is written
    END IF;
    FOREACH word IN ARRAY parts[:12] LOOP
        SELECT w.terms, w.kind INTO known, kind FROM ml.search_word AS w WHERE w.word = word;
        IF NOT FOUND THEN
            stem := ml_ops.search_stem(rules, word); kind := 'word'; known := ARRAY[stem];
            IF NOT EXISTS (SELECT FROM ml.search_term AS t WHERE t.term = stem) THEN
                SELECT ARRAY[ml_ops.search_stem(rules, a.word), ml_ops.search_stem(rules, b.word)] INTO parts
                FROM generate_series(3, length(word) - 3) AS i
                CROSS JOIN LATERAL (SELECT w.word, w.frequency FROM ml.search_word AS w WHERE w.word = left(word, i) AND w.kind = 'word' LIMIT 1) AS a
                CROSS JOIN LATERAL (SELECT w.word, w.frequency FROM ml.search_word AS w WHERE w.word = substr(word, i + 1) AND w.kind = 'word' LIMIT 1) AS b
                ORDER BY least(a.frequency, b.frequency) DESC, i LIMIT 1;
                IF FOUND THEN
                    known := parts;
                ELSE
                    hit := ml_ops.search_best(word);
                    IF hit IS NOT NULL THEN
                        corrected := true; word := hit;
                        SELECT w.terms INTO known FROM ml.search_word AS w WHERE w.word = hit;
                    END IF;
                END IF;
            END IF;
        END IF;
        words := words || word; place := place + 1;
        FOR i IN 1 .. cardinality(known) LOOP
            IF i > 1 AND kind <> 'synonym' THEN
                place := place + 1;
            END IF;
            terms := terms || known[i]; places := places || place;
            weights := weights || CASE WHEN i > 1 AND kind = 'synonym' THEN 0.8 ELSE 1.0 END::double precision;
        END LOOP;
    END LOOP;
    FOREACH amount IN ARRAY measured LOOP
        place := place + 1;
        words := words || amount; terms := terms || amount; places := places || place; weights := weights || 1.0::double precision;
    END LOOP;

    -- Two neighbours that are known as one word may also be that word, at the places of both.
    FOR i IN 1 .. cardinality(words) - 1 LOOP
        SELECT w.terms[1] INTO hit FROM ml.search_word AS w WHERE w.word = words[i] || words[i + 1] AND w.kind = 'word';
        IF FOUND THEN
            at := ARRAY[places[array_position(terms, ml_ops.search_stem(rules, words[i]))],
                        places[array_position(terms, ml_ops.search_stem(rules, words[i + 1]))]];
            IF at[1] IS NOT NULL AND at[2] IS NOT NULL THEN
                -- At each place it counts as much as the word it stands for, however rare it is.
                SELECT array_agg(least(1, coalesce(o.idf, 1) / coalesce(w.idf, 1)) ORDER BY u.n) INTO counts
                FROM unnest(words[i : i + 1]) WITH ORDINALITY AS u (word, n)
                LEFT JOIN ml.search_term AS o ON o.term = ml_ops.search_stem(rules, u.word)
                LEFT JOIN ml.search_term AS w ON w.term = hit;
                terms := terms || hit || hit; weights := weights || counts; places := places || at;
            END IF;
        END IF;
    END LOOP;

    stems := ARRAY(SELECT ml_ops.search_stem(rules, u.w) FROM unnest(words) WITH ORDINALITY AS u (w, o) ORDER BY u.o);
    parts := ARRAY(SELECT array_to_string(stems[i : i + n - 1], ' ')
                   FROM unnest(ARRAY[3, 2, 1]) AS n CROSS JOIN LATERAL generate_series(1, cardinality(stems) - n + 1) AS i ORDER BY n DESC, i);
    SELECT (array_agg(w.terms[1] ORDER BY u.o) FILTER (WHERE u.kind = 'category'))[1],
           (array_agg(w.terms[1] ORDER BY u.o) FILTER (WHERE u.kind = 'brand'))[1]
    INTO category, brand
    FROM (SELECT k.kind, v.name, v.o FROM unnest(ARRAY['category', 'brand']) AS k (kind), unnest(parts) WITH ORDINALITY AS v (name, o)) AS u
    CROSS JOIN LATERAL (SELECT w.terms FROM ml.search_word AS w WHERE w.word = u.kind || ':' || u.name LIMIT 1) AS w;
    category := coalesce(category, said.category);
    SELECT u.w INTO colour FROM unnest(words) WITH ORDINALITY AS u (w, o) WHERE u.w = ANY (s.colours) ORDER BY u.o LIMIT 1;

    -- What the staff says.
    FOR r IN SELECT x.kind, ml_ops.search_key(rules, x.query) AS word, ml_ops.search_key(rules, x.target) AS target
             FROM ml_config.search_rule AS x
             WHERE x.kind IN ('synonym', 'one_way', 'forbid', 'stop_word')
               AND (x.starts_on IS NULL OR x.starts_on <= today) AND (x.ends_on IS NULL OR x.ends_on >= today)
             ORDER BY x.id
    LOOP
        FOR way IN 1 .. CASE r.kind WHEN 'synonym' THEN 2 ELSE 1 END LOOP
            hit := CASE way WHEN 1 THEN r.word ELSE r.target END;
            stem := ml_ops.search_stem(rules, CASE way WHEN 1 THEN r.target ELSE r.word END);
            IF NOT hit = ANY (words) THEN
                CONTINUE;
            END IF;
            ruled := true;
            IF r.kind = 'stop_word' THEN
                key := array_to_string(array_remove(string_to_array(key, ' '), hit), ' ');
            END IF;
            place := places[coalesce(array_position(terms, ml_ops.search_stem(rules, hit)), array_position(words, hit))];
            IF r.kind IN ('synonym', 'one_way') THEN
                terms := terms || stem; weights := weights || 0.8::double precision; places := places || place;
            ELSE
                SELECT array_agg(u.t ORDER BY u.o), array_agg(u.w ORDER BY u.o), array_agg(u.p ORDER BY u.o)
                INTO terms, weights, places
                FROM unnest(terms, weights, places) WITH ORDINALITY AS u (t, w, p, o)
                WHERE NOT (u.p = place AND (r.kind = 'stop_word' OR u.t = stem AND u.w < 1));
                terms := coalesce(terms, '{}'); weights := coalesce(weights, '{}'); places := coalesce(places, '{}');
            END IF;
        END LOOP;
    END LOOP;
END
$$;
