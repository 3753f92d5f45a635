-- How texts are cut into words, as ml.text.words does; the rules (letters, regular expressions) are those of sql_rules there.
-- Whoever reads texts inside Postgres brings this file along: it makes the same functions each time.

CREATE OR REPLACE FUNCTION ml_ops.search_fold(rules text[], query text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    folded text := query;
BEGIN
    IF octet_length(query) = length(query) THEN
        RETURN lower(query COLLATE "C");
    END IF;
    folded := translate(normalize(query), rules[1], rules[2]);
    FOR i IN 12 .. cardinality(rules) BY 2 LOOP
        folded := replace(folded, rules[i], rules[i + 1]);
    END LOOP;
    RETURN regexp_replace(folded, rules[3], '', 'g');
END
$$;

CREATE OR REPLACE FUNCTION ml_ops.search_words(rules text[], folded text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    cut text := regexp_replace(folded, rules[6], '', 'g');
BEGIN
    IF octet_length(cut) > length(cut) THEN
        cut := regexp_replace(cut, rules[4], ' \1 ', 'g');
    END IF;
    RETURN ARRAY(SELECT left(u.word, 60) FROM regexp_split_to_table(cut, rules[5]) WITH ORDINALITY AS u (word, place)
                 WHERE u.word <> '' ORDER BY u.place);
END
$$;

CREATE OR REPLACE FUNCTION ml_ops.search_stem(rules text[], word text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN rules[7] = '' THEN word ELSE coalesce(substring(word FROM rules[7]), word) END
$$;

-- The query as ml.query counts it.
CREATE OR REPLACE FUNCTION ml_ops.search_key(rules text[], query text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN query ~ '^[A-Za-z]{1,60}$' THEN lower(query COLLATE "C") ELSE
        left(array_to_string(ml_ops.search_words(rules, ml_ops.search_fold(rules, left(query, 1000))), ' '), 100) END
$$;
