-- PrestaShop's exports -> the stage. Times are the shop's own.

-- name: prepare
CREATE TABLE head AS
SELECT n, file, 1 AS line_no, * EXCLUDE (n, file) FROM orders
UNION ALL BY NAME
SELECT *, row_number() OVER (PARTITION BY order_id, file ORDER BY n) AS line_no FROM flat;
-- An order that is delivered in parts has several rows of one order in the same file of lines; its id stays one.
CREATE TABLE whose AS SELECT customer_ref, min(mail) AS mail FROM customers GROUP BY customer_ref;

-- name: order
-- The states that PrestaShop installs, by number; one of a module's or of the shop's own stays "state 17", and shop check names it.
SELECT h.n, h.file, h.order_id, nullif(h.customer_ref, '0') AS customer_ref, coalesce(h.mail, w.mail) AS mail, h.created AS ordered_at,
    CASE h.status
        WHEN '1' THEN 'awaiting cheque payment' WHEN '2' THEN 'payment accepted' WHEN '3' THEN 'preparation in progress' WHEN '4' THEN 'shipped'
        WHEN '5' THEN 'delivered' WHEN '6' THEN 'cancelled' WHEN '7' THEN 'refunded' WHEN '8' THEN 'payment error' WHEN '9' THEN 'on backorder (paid)'
        WHEN '10' THEN 'awaiting bank wire payment' WHEN '11' THEN 'remote payment accepted' WHEN '12' THEN 'on backorder (not paid)'
        WHEN '13' THEN 'awaiting cash on delivery validation'
        ELSE CASE WHEN regexp_full_match(h.status, '[0-9]+') THEN 'state ' || h.status ELSE h.status END
    END AS status,
    h.total, coalesce(h.shipping, 0) AS shipping, h.total - coalesce(h.shipping, 0) - coalesce(h.wrapping, 0) AS goods,
    [h.total - coalesce(h.shipping, 0) - coalesce(h.wrapping, 0) + h.discount] AS before,
    CASE WHEN NOT regexp_full_match(h.currency, '[0-9]+') THEN h.currency END AS currency,
    CASE WHEN h.rate > 0 AND h.rate <> 1 THEN 1 / h.rate END AS exchange_rate
FROM head h LEFT JOIN whose w ON w.customer_ref = h.customer_ref WHERE h.line_no = 1

-- name: line
SELECT n, file, line_order AS order_id, nullif(product_ref, '0') AS product_ref, sku, regexp_replace(title, '\s+[-(:]\s*(Size|Color|Colour|Taille|Couleur|Dimension|Größe|Farbe)\b.*$', '') AS title,
    quantity, price AS unit_price
FROM order_detail
UNION ALL SELECT n, file, order_id, nullif(product_ref, '0'), sku, title, quantity, price FROM flat

-- name: product
SELECT n, id AS product_id, title, description, category, brand, price, active, created AS listed_at,
    coalesce(virtual = '1', false) AND regexp_matches(lower(title), 'gift card|carte cadeau|gutschein') AS service
FROM catalogue WHERE id IS NOT NULL

-- name: alias
SELECT 'sku:' || lower(sku) AS alias, id AS product_id FROM catalogue WHERE sku IS NOT NULL
UNION SELECT 'name:' || lower(title), id FROM catalogue WHERE title IS NOT NULL

-- name: customer
SELECT n, customer_ref, CASE WHEN coalesce(deleted, false) THEN NULL ELSE mail END AS mail, created AS registered_at, nullif(birth_date, '0000-00-00') AS birth_date,
    newsletter AS accepts_marketing, guest, "group" AS segment
FROM customers

-- name: stock
SELECT id AS product_id, stock AS quantity FROM catalogue WHERE stock IS NOT NULL

-- name: payment
SELECT order_id || '/1' AS payment_id, order_id, payment AS method, total AS amount FROM head WHERE line_no = 1 AND payment IS NOT NULL AND total IS NOT NULL

