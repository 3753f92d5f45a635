-- A shop for bench/features.py. Variables: orders, customers, products.
CREATE TABLE customer AS
SELECT 'customer-' || i AS customer_id, NULL::TIMESTAMPTZ AS registered_at,
       'segment-' || (i % 5) AS segment
FROM range(getvariable('customers')) t(i);

CREATE TABLE product AS
SELECT 'product-' || i AS product_id, 'Product ' || i AS title, 'category-' || (i % 40) AS category,
       'brand-' || (i % 30) AS brand, 'What product ' || i || ' is like' AS description, 9.99 AS price,
       i % 50 <> 0 AS active, NULL::TIMESTAMPTZ AS listed_at
FROM range(getvariable('products')) t(i);

CREATE TABLE "order" AS
SELECT 'order-' || i AS order_id,
       'customer-' || (hash(i) % getvariable('customers')) AS customer_id,
       TIMESTAMPTZ '2023-06-01' + to_seconds((hash(i, 1) % 63072000)::BIGINT) AS ordered_at,
       CASE WHEN hash(i, 2) % 50 = 0 THEN 'cancelled' ELSE 'delivered' END AS status,
       NULL::TIMESTAMPTZ AS known_at
FROM range(getvariable('orders')) t(i);

-- The square of a uniform draw: popular products are bought far more often than others.
CREATE TABLE order_item AS
SELECT 'order-' || (i // 3) AS order_id, i % 3 + 1 AS line_no,
       'product-' || floor(getvariable('products') * pow(hash(i, 3) % 1000000 / 1e6, 2))::BIGINT AS product_id,
       1.0 AS quantity, 9.99 AS unit_price
FROM range(3 * getvariable('orders')) t(i);

CREATE TABLE event AS
SELECT 'event-' || i AS event_id,
       'customer-' || (hash(i, 4) % getvariable('customers')) AS customer_id,
       'product-' || floor(getvariable('products') * pow(hash(i, 5) % 1000000 / 1e6, 2))::BIGINT AS product_id,
       CASE WHEN hash(i, 6) % 10 = 0 THEN 'cart' ELSE 'view' END AS kind,
       TIMESTAMPTZ '2023-06-01' + to_seconds((hash(i, 7) % 63072000)::BIGINT) AS occurred_at,
       NULL::TIMESTAMPTZ AS known_at
FROM range(6 * getvariable('orders')) t(i);

CREATE TABLE stock AS
SELECT 'product-' || (i // 10) AS product_id,
       TIMESTAMPTZ '2025-05-01' + to_days((i % 10)::INTEGER) AS counted_at,
       (hash(i, 8) % 20)::DOUBLE AS quantity, NULL::TIMESTAMPTZ AS known_at
FROM range(10 * getvariable('products')) t(i);
