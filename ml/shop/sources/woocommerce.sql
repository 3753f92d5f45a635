-- WooCommerce's exports -> the stage. Amounts of an order's lines are without tax there; the tax of each stands beside it.

-- name: prepare
-- The lines of a column: "name:Mug|product_id:12|sku:MUG|quantity:2|total:10.00|total_tax:1.90;…".
CREATE MACRO part(line, names) AS (
    SELECT nullif(trim(regexp_extract(line, '(?:^|\|)\s*(?:' || names || '):([^|]*)', 1)), '')
);
CREATE TABLE every_order AS
SELECT n, file, 1 AS wide, * EXCLUDE (n, file, line_items) FROM order_rows WHERE order_id IS NOT NULL
UNION ALL BY NAME
SELECT n, file, 0 AS wide, * EXCLUDE (n, file, title, quantity, sku, product_ref, unit, line_total, line_tax) FROM order_lines WHERE order_id IS NOT NULL;
-- A refund that is a row of its own is no order: its order says that money went back.
CREATE TABLE head AS
SELECT *, row_number() OVER (PARTITION BY order_id, file ORDER BY n) AS line_no
FROM every_order WHERE coalesce(kind, '') NOT ILIKE '%refund%';
CREATE TABLE column_line AS
SELECT r.n, r.file, r.order_id, u.line, u.place FROM order_rows r, unnest(string_split(regexp_replace(r.line_items, ';\s*(id|name|item_id|product_id):', chr(31) || '\1:', 'g'), chr(31))) WITH ORDINALITY u(line, place)
WHERE r.line_items IS NOT NULL AND coalesce(r.kind, '') NOT ILIKE '%refund%';
CREATE TABLE money_line AS
SELECT
    n * 1000 + place AS n, file, order_id, part(line, 'product_id') AS product_ref, part(line, 'sku') AS sku, part(line, 'name') AS title,
    try_cast(part(line, 'quantity|qty') AS DOUBLE) AS quantity,
    (try_cast(part(line, 'total') AS DOUBLE) + coalesce(try_cast(part(line, 'total_tax|tax') AS DOUBLE), 0)) / nullif(try_cast(part(line, 'quantity|qty') AS DOUBLE), 0) AS unit_price
FROM column_line
UNION ALL
SELECT n * 1000, file, order_id, product_ref, sku, title, quantity, coalesce((line_total + coalesce(line_tax, 0)) / nullif(quantity, 0), unit)
FROM order_lines WHERE order_id IS NOT NULL AND coalesce(kind, '') NOT ILIKE '%refund%' AND coalesce(title, sku, product_ref) IS NOT NULL;

-- name: order
-- Some exporters write an order's tax beside lines without it: then the lines are scaled to what was paid.
SELECT
    h.n * 1000 AS n, h.file, h.order_id, nullif(nullif(trim(h.customer_ref), '0'), '') AS customer_ref, h.mail, CASE WHEN h.mail IS NULL THEN h.phone END AS phone,
    h.created AS ordered_at,
    CASE WHEN lower(replace(h.status, 'wc-', '')) IN ('completed', 'processing') AND abs(coalesce(h.refunded, 0)) > 0.005
        THEN CASE WHEN abs(h.refunded) >= h.total - 0.005 THEN 'returned' ELSE 'partly_returned' END
        ELSE h.status END AS status,
    h.total, coalesce(h.shipping, 0) + coalesce(h.shipping_tax, 0) AS shipping,
    h.total - coalesce(h.shipping, 0) - coalesce(h.shipping_tax, 0) - coalesce(h.fees, 0) - coalesce(h.fee_tax, 0) AS goods,
    [h.total - h.tax - coalesce(h.shipping, 0) - coalesce(h.fees, 0)] AS before,
    h.currency, h.shipping_country, h.billing_country, nullif(concat_ws(', ', h.street, h.zip, h.city, h.shipping_country), '') AS shipping_address, h.ip
FROM head h WHERE h.line_no = 1

-- name: line
SELECT n, file, order_id, product_ref, sku, title, quantity, unit_price FROM money_line

-- name: product
-- A variation is its parent: "id:12" or the parent's SKU. 1 is published, 0 private, -1 a draft.
SELECT
    n, id AS product_id, title, coalesce(description, short) AS description,
    (SELECT arg_max(trim(list_last(string_split(u.path, '>'))), len(string_split(u.path, '>'))) FROM unnest(string_split(c.categories, ',')) u(path)) AS category, trim(string_split(brand, ',')[1]) AS brand,
    coalesce(sale_price, price, (SELECT min(coalesce(v.sale_price, v.price)) FROM catalogue v WHERE v.parent IN ('id:' || c.id, c.sku))) AS price,
    coalesce(published, true) AND coalesce(visibility, 'visible') <> 'hidden' AS active, lower(kind) LIKE '%gift%card%' AS service
FROM catalogue c WHERE lower(kind) NOT LIKE '%variation%' AND id IS NOT NULL

-- name: alias
WITH owner AS (
    SELECT c.id, c.sku, c.title, CASE WHEN lower(c.kind) LIKE '%variation%' THEN coalesce(p.id, c.id) ELSE c.id END AS product_id
    FROM catalogue c LEFT JOIN catalogue p ON c.parent = 'id:' || p.id OR c.parent = p.sku OR c.parent = p.id
)
SELECT 'id:' || id AS alias, product_id FROM owner WHERE id IS NOT NULL
UNION SELECT 'sku:' || lower(sku), product_id FROM owner WHERE sku IS NOT NULL
UNION SELECT 'name:' || lower(title), product_id FROM owner WHERE title IS NOT NULL

-- name: customer
SELECT n, customer_ref, mail, registered AS registered_at, country, customer_ref IS NULL AND name IS NULL AS guest FROM customers

-- name: stock
SELECT coalesce(p.id, c.id) AS product_id, c.stock AS quantity
FROM catalogue c LEFT JOIN catalogue p ON lower(c.kind) LIKE '%variation%' AND (c.parent = 'id:' || p.id OR c.parent = p.sku) WHERE c.stock IS NOT NULL

-- name: image
SELECT id AS product_id, u.place AS image_no, trim(u.uri) AS uri
FROM catalogue, unnest(string_split(images, ',')) WITH ORDINALITY u(uri, place) WHERE images IS NOT NULL AND lower(kind) NOT LIKE '%variation%'

-- name: payment
SELECT order_id || '/1' AS payment_id, order_id, payment AS method, total AS amount, paid_at FROM head WHERE line_no = 1 AND payment IS NOT NULL AND total IS NOT NULL

-- name: coupon
SELECT DISTINCT order_id || '/' || code AS coupon_id, order_id, code, discount FROM (
    SELECT h.order_id, part(u.line, 'code') AS code, try_cast(part(u.line, 'amount|discount') AS DOUBLE) AS discount
    FROM head h, unnest(string_split(h.coupon_items, ';')) u(line) WHERE h.line_no = 1 AND h.coupon_items IS NOT NULL
) WHERE code IS NOT NULL AND discount > 0
