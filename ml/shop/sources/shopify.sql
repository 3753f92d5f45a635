-- Shopify's exports -> the stage.

-- name: prepare
-- An order's fields stand on its first line. The export's amounts are in the shop's currency. Tips and gift cards are lines.
CREATE TABLE first_line AS
SELECT *, row_number() OVER (PARTITION BY order_id, file ORDER BY n) AS line_no FROM orders WHERE order_id IS NOT NULL;
-- A product is the parent of its variants: its fields stand on its first line, each variant has a line, further pictures have one.
CREATE TABLE parent AS SELECT *, row_number() OVER (PARTITION BY handle ORDER BY n) AS line_no FROM products WHERE handle IS NOT NULL;

-- name: order
-- Financial before fulfilment status; a word of Shopify's that is not listed here comes as it is: ./nightshift shop check names it.
SELECT
    f.n, f.file, f.order_id, f.mail, f.phone, f.created AS ordered_at,
    CASE
        WHEN starts_with(upper(f.order_id), '#D') AND f.financial IS NULL THEN 'draft'
        WHEN f.payment ILIKE '%bogus%' THEN 'draft'
        WHEN f.cancelled IS NOT NULL OR f.financial IN ('voided', 'expired') THEN 'cancelled'
        WHEN f.financial = 'refunded' THEN 'returned'
        WHEN f.financial = 'partially_refunded' THEN 'partly_returned'
        WHEN f.fulfillment IN ('fulfilled', 'partial') THEN 'shipped'
        WHEN f.financial IN ('paid', 'partially_paid') THEN 'paid'
        WHEN f.financial = 'authorized' THEN 'placed'
        ELSE f.financial
    END AS status,
    f.total, f.shipping, f.total - coalesce(f.shipping, 0) - coalesce(f.duties, 0) AS goods,
    [f.subtotal, f.subtotal + f.discount, f.subtotal + s.tips, f.subtotal + f.discount + s.tips] AS before,
    f.currency, f.source AS channel, f.shipping_country, f.billing_country,
    nullif(concat_ws(', ', f.shipping_street, ltrim(f.shipping_zip, ''''), f.shipping_city, f.shipping_country), '') AS shipping_address,
    f.device AS device_id, f.accepts AS accepts_marketing
FROM first_line f
JOIN (SELECT order_id, file, sum(quantity * price) FILTER (WHERE title ILIKE 'tip') AS tips FROM orders GROUP BY ALL) s USING (order_id, file)
WHERE f.line_no = 1

-- name: line
-- "Lineitem discount" is that of the whole line.
SELECT
    n, file, order_id, sku, title, vendor AS brand, quantity, price - coalesce(line_discount, 0) / nullif(quantity, 0) AS unit_price,
    regexp_matches(lower(title), '^(e-?gift|gift card|tip\b)') AS service
FROM orders WHERE order_id IS NOT NULL

-- name: product
SELECT
    arg_min(n, n) AS n, handle AS product_id, first(title ORDER BY n) FILTER (WHERE title IS NOT NULL) AS title,
    first(body ORDER BY n) FILTER (WHERE body IS NOT NULL) AS description,
    coalesce(first(kind ORDER BY n) FILTER (WHERE kind IS NOT NULL), first(category ORDER BY n) FILTER (WHERE category IS NOT NULL)) AS category,
    first(vendor ORDER BY n) FILTER (WHERE vendor IS NOT NULL) AS brand, min(price) AS price,
    coalesce(lower(first(status ORDER BY n) FILTER (WHERE status IS NOT NULL)), 'active') = 'active' AND coalesce(bool_or(published), true) AS active,
    bool_or(gift_card) AS service
FROM parent GROUP BY handle

-- name: alias
-- A line is known by the variant's SKU, else by "Title - Option / Option".
SELECT 'sku:' || lower(sku) AS alias, handle AS product_id FROM products WHERE sku IS NOT NULL
UNION SELECT 'name:' || lower(p.title), v.handle FROM parent p JOIN products v USING (handle) WHERE p.line_no = 1 AND p.title IS NOT NULL
UNION SELECT 'name:' || lower(p.title || ' - ' || concat_ws(' / ', v.option1, v.option2, v.option3)), v.handle
FROM parent p JOIN products v USING (handle) WHERE p.line_no = 1 AND p.title IS NOT NULL AND v.option1 IS NOT NULL

-- name: customer
SELECT n, ltrim(customer_ref, '''') AS customer_ref, mail, phone, country, accepts AS accepts_marketing FROM customers

-- name: stock
-- What is sold over its tracking is not counted. The inventory export is the more exact of the two.
SELECT handle AS product_id, try_cast(available AS DOUBLE) AS quantity FROM inventory WHERE try_cast(available AS DOUBLE) IS NOT NULL
UNION ALL
SELECT handle, list_sum(list_transform(string_split(counts, ';'), lambda c: coalesce(try_cast(c AS DOUBLE), 0)))
FROM inventory_by_location WHERE regexp_matches(counts, '[0-9]')
UNION ALL
SELECT handle, stock FROM products
WHERE stock IS NOT NULL AND tracker IS NOT NULL AND (SELECT count(*) FROM inventory) + (SELECT count(*) FROM inventory_by_location) = 0

-- name: image
SELECT handle AS product_id, CAST(coalesce(image_no, n) AS BIGINT) AS image_no, image AS uri FROM products WHERE image IS NOT NULL AND handle IS NOT NULL

-- name: outcome
SELECT order_id, 'cancelled' AS kind, cancelled AS known_at FROM orders WHERE cancelled IS NOT NULL

-- name: payment
SELECT order_id || '/1' AS payment_id, order_id, payment AS method, total AS amount, paid_at FROM orders WHERE payment IS NOT NULL AND total IS NOT NULL

-- name: coupon
SELECT order_id || '/' || discount_code AS coupon_id, order_id, discount_code AS code, discount
FROM orders WHERE discount_code IS NOT NULL AND discount > 0
