-- A shop of :customers customers and :products products: what a night publishes for it, and its own catalogue and counts.

CREATE SCHEMA shop;
CREATE TABLE shop.product AS
SELECT 'p' || i AS product_id, 'Product No. ' || i AS title, repeat('Words about it. ', 12) AS description,
       i % 100 <> 0 AS active
FROM generate_series(1, :products) AS i;
CREATE INDEX ON shop.product (product_id);
CREATE TABLE shop.stock AS
SELECT 'p' || i AS product_id, now() - day * interval '1 day' AS counted_at, (i * day % 50)::float8 AS quantity
FROM generate_series(1, :products) AS i, generate_series(1, 10) AS day;
CREATE INDEX ON shop.stock (product_id, counted_at);

CREATE TABLE ml_batch.recommendation_1 AS
SELECT 'k' || c AS customer_id, r::bigint AS rank, 'p' || 1 + (c::bigint * 7919 + r * 104729) % :products AS product_id,
       (1.0 / r)::float8 AS score, 'because you bought Product No. ' || 1 + (c + r) % :products AS reason,
       'because' AS reason_code, 'p' || 1 + (c + r) % :products AS source_product_id,
       'c' || (1 + (c::bigint * 7919 + r * 104729) % :products) % 200 AS category,
       'b' || (1 + (c::bigint * 7919 + r * 104729) % :products) % 300 AS brand, 1::float8 AS propensity
FROM generate_series(1, :customers) AS c, generate_series(1, 20) AS r;
ALTER TABLE ml_batch.recommendation_1 ADD PRIMARY KEY (customer_id, rank);
CREATE TABLE ml_batch.discovery_1 AS
SELECT customer_id, rank, 'p' || p AS product_id, score, reason, reason_code, source_product_id, 'c' || p % 200 AS category,
       'b' || p % 300 AS brand
FROM ml_batch.recommendation_1,
     LATERAL (SELECT 1 + (substr(customer_id, 2)::bigint * 6151 + rank * 86243) % :products AS p) AS of;
ALTER TABLE ml_batch.discovery_1 ADD PRIMARY KEY (customer_id, rank);
CREATE TABLE ml_batch.buy_again_1 AS
SELECT customer_id, rank, product_id, score, 'bought again about every 30 days' AS reason
FROM ml_batch.recommendation_1 WHERE rank <= 12;
ALTER TABLE ml_batch.buy_again_1 ADD PRIMARY KEY (customer_id, rank);
CREATE TABLE ml_batch.product_state_1 AS
SELECT 'p' || i AS product_id, 'c' || i % 200 AS category, 'b' || i % 300 AS brand, (i % 1000 / 10.0)::float8 AS price,
       true AS available
FROM generate_series(1, :products) AS i;
ALTER TABLE ml_batch.product_state_1 ADD PRIMARY KEY (product_id);
CREATE INDEX ON ml_batch.product_state_1 (category);
CREATE TABLE ml_batch.customer_segment_1 AS
SELECT 'k' || c AS customer_id, (ARRAY['retail', 'wholesale', 'staff'])[1 + c % 3] AS segment
FROM generate_series(1, :customers) AS c;
ALTER TABLE ml_batch.customer_segment_1 ADD PRIMARY KEY (customer_id);
CREATE TABLE ml_batch.cold_start_1 AS
SELECT segment, r::bigint AS rank, 'p' || 1 + (r * 331 + length(segment)) % :products AS product_id,
       (1.0 / r)::float8 AS score, 'what new customers choose first' AS reason
FROM unnest(ARRAY['', 'retail', 'wholesale', 'staff']) AS segment, generate_series(1, 50) AS r;
ALTER TABLE ml_batch.cold_start_1 ADD PRIMARY KEY (segment, rank);
CREATE TABLE ml_batch.popular_product_1 AS
SELECT segment, category, r::bigint AS rank,
       'p' || CASE category WHEN '' THEN 1 + r * 337 % :products ELSE substr(category, 2)::integer + 200 * r END AS product_id,
       (1.0 / r)::float8 AS score, 'popular this month' AS reason
FROM unnest(ARRAY['', 'retail', 'wholesale', 'staff']) AS segment,
     (SELECT '' AS category UNION ALL SELECT 'c' || c FROM generate_series(1, 199) AS c) AS categories,
     generate_series(1, 20) AS r;
ALTER TABLE ml_batch.popular_product_1 ADD PRIMARY KEY (segment, category, rank);
CREATE TABLE ml_batch.bought_together_1 AS
SELECT 'p' || p AS product_id, r::bigint AS rank, 'p' || 1 + (p * 31 + r * 17) % :products AS other_product_id,
       (1.0 / r)::float8 AS score, 'often bought together with Product No. ' || p AS reason
FROM generate_series(1, :products) AS p, generate_series(1, 20) AS r;
ALTER TABLE ml_batch.bought_together_1 ADD PRIMARY KEY (product_id, rank);
CREATE TABLE ml_batch.similar_product_1 AS
SELECT 'p' || p AS product_id, r::bigint AS rank, 'p' || 1 + (p * 37 + r * 19) % :products AS similar_product_id,
       (1.0 / r)::float8 AS score, 'similar to Product No. ' || p AS reason
FROM generate_series(1, :products) AS p, generate_series(1, 20) AS r;
ALTER TABLE ml_batch.similar_product_1 ADD PRIMARY KEY (product_id, rank);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['recommendation', 'discovery', 'buy_again', 'product_state', 'customer_segment', 'cold_start', 'popular_product',
                                'bought_together', 'similar_product'] LOOP
        EXECUTE format(
            'CREATE VIEW ml.%I AS SELECT *, 1::bigint AS batch_id, 1::integer AS model_version, now() AS as_of FROM ml_batch.%I',
            name, name || '_1');
    END LOOP;
END
$$;

INSERT INTO ml_config.rule (kind, product_id, brand, segment, rank, factor, note)
SELECT 'exclude', NULL, 'b' || i, NULL, NULL::bigint, NULL::float8, 'of the bench' FROM generate_series(1, 5) AS i
UNION ALL SELECT 'exclude', 'p' || i, NULL, CASE WHEN i % 2 = 0 THEN 'retail' END, NULL, NULL, 'of the bench'
FROM generate_series(1, 10) AS i
UNION ALL SELECT 'boost', NULL, 'b' || i, NULL, NULL, 2, 'of the bench' FROM generate_series(11, 13) AS i
UNION ALL SELECT 'pin', 'p' || i, NULL, 'staff', i - 19, NULL, 'of the bench' FROM generate_series(20, 21) AS i;
