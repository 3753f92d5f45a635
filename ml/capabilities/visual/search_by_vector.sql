-- What looks like a picture that a customer shows: the shop's backend makes its vector with the encoder of the served
-- version (./nightshift encoder), which writes it as '<version>:[numbers]'.

CREATE OR REPLACE FUNCTION ml.search_by_vector(vector text, n integer DEFAULT 20, category text DEFAULT NULL)
RETURNS TABLE (rank bigint, product_id text, score double precision, category_of text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET hnsw.iterative_scan = 'strict_order'
AS $$
DECLARE
    served integer := (SELECT v.model_version FROM ml.product_vector AS v LIMIT 1);
    given text := substring(search_by_vector.vector FROM '^([0-9]+):\[');
    asked public.halfvec;
    length integer;
BEGIN
    IF given IS NULL THEN
        RAISE EXCEPTION 'This is no vector of an encoder: it begins with %.', quote_literal(left(vector, 20))
            USING HINT = 'Give what nightshift_encoder''s encode() returned: version:[numbers].', ERRCODE = 'invalid_parameter_value';
    ELSIF given::numeric IS DISTINCT FROM served THEN
        RAISE EXCEPTION 'The vector is of encoder version %, the shop serves version %: their numbers mean different things.',
            given, coalesce(served::text, 'none')
            USING HINT = 'Fetch the encoder that is served now: ./nightshift encoder FILE.', ERRCODE = 'invalid_parameter_value';
    END IF;
    asked := substring(vector FROM position(':' IN vector) + 1)::public.halfvec;
    length := (SELECT public.vector_dims(v.image) FROM ml.product_vector AS v WHERE v.image IS NOT NULL LIMIT 1);
    IF public.vector_dims(asked) <> length THEN
        RAISE EXCEPTION 'The vector has % numbers, those of the products have %.', public.vector_dims(asked), length
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- The cast is that of the index, which is of one length.
    RETURN QUERY EXECUTE format(
        'SELECT row_number() OVER (ORDER BY near.apart, near.product_id), near.product_id, 1 - near.apart, near.category '
        'FROM (SELECT v.product_id, v.category, v.image::public.halfvec(%1$s) OPERATOR(public.<=>) $1::public.halfvec(%1$s) AS apart '
        'FROM ml.product_vector AS v WHERE v.active AND v.image IS NOT NULL AND ($3 IS NULL OR v.category = $3) '
        'ORDER BY v.image::public.halfvec(%1$s) OPERATOR(public.<=>) $1::public.halfvec(%1$s) LIMIT $2) AS near '
        'ORDER BY near.apart, near.product_id', length
    ) USING asked, least(greatest(n, 0), 1000), category;
END $$;
COMMENT ON FUNCTION ml.search_by_vector(text, integer, text) IS
    'The n products for sale whose picture is nearest to a vector of the served encoder, in a category if one is given.';
