-- :carts open carts of 1 to 8 lines of :products products: what a night publishes for them, and the shop's own carts.

CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE shop.cart AS
SELECT 'b' || c AS cart_id, 'p' || 1 + (c::bigint * 7919 + l * 104729) % :products AS product_id, 'k' || c AS customer_id,
       1 + l % 3 AS quantity, now() - (c % 700 + l) * interval '1 hour' AS added_at, NULL::text AS order_id
FROM generate_series(1, :carts) AS c, LATERAL generate_series(1, 1 + c % 8) AS l;
CREATE INDEX ON shop.cart (cart_id);
CREATE INDEX ON shop.cart (customer_id);

CREATE TABLE ml_batch.cart_line_1 AS
SELECT cart_id, product_id, customer_id, quantity::float8 AS quantity, added_at, (.02 + length(product_id) * .01)::float8 AS chance,
       'in the cart for 5 hours, bought before' AS reason
FROM shop.cart;
ALTER TABLE ml_batch.cart_line_1 ADD PRIMARY KEY (cart_id, product_id);
CREATE INDEX ON ml_batch.cart_line_1 (customer_id);
CREATE TABLE ml_batch.cart_addon_1 AS
SELECT 'p' || p AS product_id, 'p' || 1 + (p * 31 + r * 17) % :products AS addon_id, r::bigint AS rank, (1.0 / r)::float8 AS score,
       'Often bought together.' AS reason
FROM generate_series(1, :products) AS p, generate_series(1, 30) AS r;
ALTER TABLE ml_batch.cart_addon_1 ADD PRIMARY KEY (product_id, addon_id);
CREATE TABLE ml_batch.cart_again_1 AS
SELECT 'k' || c AS customer_id, 'p' || 1 + (c::bigint * 6151 + r * 86243) % :products AS product_id, (.1 / r)::float8 AS score
FROM generate_series(1, :carts) AS c, generate_series(1, 10) AS r;
ALTER TABLE ml_batch.cart_again_1 ADD PRIMARY KEY (customer_id, product_id);
CREATE TABLE ml_batch.cart_product_1 AS
SELECT 'p' || i AS product_id, 'Product No. ' || i AS title, 'c' || i % 200 AS category, (i % 1000 / 10.0)::float8 AS price,
       (i % 900 / 10.0)::float8 AS usual_price, (i % 50)::float8 AS stock, i % 50 <> 0 AS available
FROM generate_series(1, :products) AS i;
ALTER TABLE ml_batch.cart_product_1 ADD PRIMARY KEY (product_id);
CREATE TABLE ml_batch.cart_visit_box_1 AS
SELECT 0::bigint AS box, f AS views_above, f AS views_to, f AS carts_above, f AS carts_to, f AS wishes_above, f AS wishes_to,
       f AS searches_above, f AS searches_to, f AS products_above, f AS products_to, f AS minutes_above, f AS minutes_to, f AS points
FROM (SELECT 0::float8 AS f) AS nothing;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['cart_line', 'cart_addon', 'cart_again', 'cart_product', 'cart_visit_box'] LOOP
        EXECUTE format(
            'CREATE VIEW ml.%I AS SELECT *, 1::bigint AS batch_id, 1::integer AS model_version, now() AS as_of FROM ml_batch.%I',
            name, name || '_1');
    END LOOP;
END
$$;
INSERT INTO ml_config.cart_coupon (code, words, least_total) VALUES ('FIVE', '5 % off', 50), ('BIG', 'a gift', 9000);
