-- Magento's exports -> the stage. Its tables keep times in UTC.

-- name: prepare
-- A configurable product and a bundle stand twice: the parent with its price, the child that was packed at no price. The parent counts.
CREATE TABLE item AS
SELECT i.n, i.file, coalesce(o.order_id, i.order_ref) AS order_id, i.sku, i.title, i.quantity, i.price, i.line_total, i.discount, i.cancelled, 0.0 AS tax,
    i.product_ref, i.kind, true AS incl
FROM sales_order_item i LEFT JOIN sales_order o ON o.entity_id = i.order_ref
WHERE i.parent_item IS NULL OR i.parent_item NOT IN (SELECT p.item_id FROM sales_order_item p) OR i.parent_item = '0'
UNION ALL
SELECT f.n, f.file, f.order_id, f.sku, f.title, f.quantity, f.price, f.line_total, f.discount, f.cancelled, f.tax, NULL, f.kind, false
FROM (
    SELECT *, count(*) FILTER (WHERE price > 0) OVER same AS priced FROM flat WHERE order_id IS NOT NULL
    WINDOW same AS (PARTITION BY order_id, file, sku)
) f
WHERE (f.parent_item IS NULL OR f.parent_item = '0') AND NOT (coalesce(f.price, 0) = 0 AND f.priced > 0);
CREATE TABLE head AS SELECT *, row_number() OVER (PARTITION BY order_id, file ORDER BY n) AS line_no FROM flat WHERE order_id IS NOT NULL;
-- A simple product of a configurable one is that one: "sku=T-S,size=S|sku=T-M,size=M".
CREATE TABLE child AS
SELECT DISTINCT lower(regexp_extract(u.part, '(?:^|,)\s*sku=([^,|]+)', 1)) AS sku, c.sku AS parent
FROM catalogue c, unnest(string_split(c.variations, '|')) u(part) WHERE c.variations IS NOT NULL;

-- name: order
SELECT n, file, order_id, customer_ref, mail, created AS ordered_at,
    CASE WHEN lower(status) IN ('complete', 'processing', 'closed') AND coalesce(refunded, 0) > 0
        THEN CASE WHEN refunded >= total - 0.005 THEN 'returned' ELSE 'partly_returned' END
        WHEN lower(status) = 'closed' THEN 'refunded' ELSE status END AS status,
    total, coalesce(shipping, 0) AS shipping, total - coalesce(shipping, 0) AS goods, []::DOUBLE[] AS before, currency,
    CASE WHEN rate > 0 AND rate <> 1 THEN 1 / rate END AS exchange_rate, ip, NULL AS shipping_country, NULL AS billing_country, NULL AS shipping_address
FROM sales_order
UNION ALL
SELECT h.n, h.file, h.order_id, h.customer_ref, h.mail, h.created,
    CASE WHEN lower(h.status) IN ('complete', 'processing', 'closed') AND coalesce(h.refunded, 0) > 0
        THEN CASE WHEN h.refunded >= h.total - 0.005 THEN 'returned' ELSE 'partly_returned' END
        WHEN lower(h.status) = 'closed' THEN 'refunded' ELSE h.status END,
    h.total, coalesce(h.shipping, 0), h.total - coalesce(h.shipping, 0), [h.total - coalesce(h.shipping, 0) - h.order_tax], h.currency,
    CASE WHEN h.rate > 0 AND h.rate <> 1 THEN 1 / h.rate END, h.ip, h.shipping_country, h.billing_country,
    nullif(concat_ws(', ', h.street, h.zip, h.city, h.shipping_country), '')
FROM head h WHERE h.line_no = 1

-- name: line
-- "row_total_incl_tax" is before the discount; an item's tax and discount are those of the whole line.
SELECT n, file, order_id, CASE WHEN sku IS NULL THEN product_ref END AS product_ref, sku, title, quantity - coalesce(cancelled, 0) AS quantity,
    CASE WHEN incl THEN coalesce(line_total, price * quantity) - coalesce(discount, 0)
        ELSE price * quantity + coalesce(tax, 0) - abs(coalesce(discount, 0)) END / nullif(quantity, 0) AS unit_price,
    lower(kind) IN ('giftcard', 'gift_card') AS service
FROM item

-- name: product
-- Rows of a store view say only what differs there. Visible in no list: the simple products of a configurable one.
SELECT n, sku AS product_id, title, coalesce(description, short) AS description,
    (SELECT arg_max(trim(list_last(string_split(u.path, '/'))), len(string_split(u.path, '/'))) FROM unnest(string_split(c.categories, ',')) u(path)) AS category,
    nullif(regexp_extract(more, '(?:^|,)(?:manufacturer|brand)=([^,]+)', 1), '') AS brand,
    CASE WHEN special > 0 THEN special WHEN price > 0 THEN price
        ELSE (SELECT min(coalesce(nullif(v.special, 0), v.price)) FROM catalogue v JOIN child x ON x.sku = lower(v.sku) WHERE x.parent = c.sku) END AS price,
    coalesce(online, '1') IN ('1', 'Enabled') AND coalesce(visibility, '') <> 'Not Visible Individually' AS active, lower(kind) LIKE 'gift%' AS service,
    NULL AS listed_at
FROM catalogue c WHERE store_view IS NULL AND sku IS NOT NULL AND lower(sku) NOT IN (SELECT sku FROM child)

-- name: alias
SELECT 'sku:' || lower(sku) AS alias, sku AS product_id FROM catalogue WHERE store_view IS NULL AND sku IS NOT NULL AND lower(sku) NOT IN (SELECT sku FROM child)
UNION SELECT 'sku:' || sku, parent FROM child

-- name: customer
SELECT n, customer_ref, mail, country, birth_date, "group" AS segment FROM customers WHERE mail IS NOT NULL

-- name: stock
SELECT coalesce(x.parent, c.sku) AS product_id, c.stock AS quantity FROM catalogue c LEFT JOIN child x ON x.sku = lower(c.sku)
WHERE c.stock IS NOT NULL AND c.store_view IS NULL AND c.variations IS NULL AND lower(c.kind) NOT IN ('configurable', 'bundle', 'grouped')

-- name: payment
SELECT order_id || '/1' AS payment_id, order_id, payment AS method, total AS amount FROM head WHERE line_no = 1 AND payment IS NOT NULL AND total IS NOT NULL

-- name: coupon
SELECT order_id || '/' || coupon AS coupon_id, order_id, coupon AS code, abs(discount) AS discount FROM sales_order WHERE coupon IS NOT NULL AND abs(discount) > 0
