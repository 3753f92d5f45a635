-- A shop for bench/risk_features.py. Variable: orders. Drawn by hashes: no two runs differ.
CREATE TABLE customer AS
SELECT 'customer-' || i AS customer_id, TIMESTAMPTZ '2023-01-01' + to_seconds((hash(i, 1) % 15000000)::BIGINT) AS registered_at,
       'DE' AS country
FROM range(getvariable('orders') // 8) t(i);

CREATE TABLE product AS
SELECT 'product-' || i AS product_id, 'Product ' || i AS title, 'category-' || (i % 40) AS category,
       'brand-' || (i % 200) AS brand, NULL::TIMESTAMPTZ AS listed_at
FROM range(greatest(50, getvariable('orders') // 100)) t(i);

-- The square of a uniform draw: some customers, devices and IP addresses have far more orders than others.
CREATE TABLE "order" AS
SELECT 'order-' || i AS order_id, 'customer-' || who AS customer_id,
       TIMESTAMPTZ '2023-06-01' + to_seconds((hash(i, 2) % 63072000)::BIGINT) AS ordered_at,
       'delivered' AS status, 10.0 + hash(i, 3) % 20000 / 100.0 AS total, 4.9 AS shipping, 'web' AS channel,
       'DE' AS shipping_country, CASE WHEN hash(i, 4) % 50 = 0 THEN 'AT' ELSE 'DE' END AS billing_country,
       md5('address' || CASE WHEN hash(i, 5) % 10 = 0 THEN i ELSE who // 2 END) AS shipping_address,
       md5('email' || who) AS email, md5('ip' || hash(who, hash(i, 6) % 3) % (getvariable('orders') // 10)) AS ip,
       md5('device' || CASE WHEN hash(i, 7) % 10 = 0 THEN i ELSE who END) AS device_id,
       CASE WHEN hash(i, 8) % 100 = 0 THEN TIMESTAMPTZ '2023-06-02' + to_seconds((hash(i, 2) % 63072000)::BIGINT) END AS known_at
FROM (SELECT i, floor(getvariable('orders') // 8 * pow(hash(i, 9) % 1000000 / 1e6, 2))::BIGINT AS who
      FROM range(getvariable('orders')) t(i));

CREATE TABLE order_item AS
SELECT 'order-' || (i // 2) AS order_id, i % 2 + 1 AS line_no,
       'product-' || hash(i, 10) % greatest(50, getvariable('orders') // 100) AS product_id,
       1.0 AS quantity, 5.0 + hash(i, 11) % 100 AS unit_price
FROM range(2 * getvariable('orders')) t(i);

CREATE TABLE payment AS
SELECT 'payment-' || i AS payment_id, 'order-' || i AS order_id,
       CASE WHEN hash(i, 12) % 10 = 0 THEN 'transfer' ELSE 'card' END AS method, 10.0 AS amount, 1 AS instalments,
       CASE WHEN hash(i, 12) % 10 > 0 THEN md5('card' || CASE WHEN hash(i, 13) % 10 = 0 THEN i ELSE
         floor(getvariable('orders') // 8 * pow(hash(i, 9) % 1000000 / 1e6, 2))::BIGINT END) END AS card,
       NULL::TIMESTAMPTZ AS paid_at
FROM range(getvariable('orders')) t(i);

CREATE TABLE order_outcome AS
SELECT order_id, CASE WHEN hash(order_id) % 100 = 0 THEN 'fraud' ELSE 'ok' END AS kind,
       ordered_at + to_days((5 + hash(order_id, 14) % 40)::INTEGER) AS known_at
FROM "order";
