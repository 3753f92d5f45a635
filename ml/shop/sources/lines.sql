-- A flat file of order lines -> the stage.

-- name: credit notes
SELECT count(*), coalesce(sum(n), 0) FROM (SELECT order_id, count(*) AS n FROM flat WHERE order_id IS NOT NULL GROUP BY order_id HAVING coalesce(max(quantity), 0) <= 0);

-- name: prepare
-- An order is all lines of its number; what is said of it stands on its first line, or on each.
CREATE TABLE ordered AS
SELECT min(n) AS n, first(file ORDER BY n) AS file, order_id, min(ordered_at) AS ordered_at,
    first(customer_id ORDER BY n) FILTER (WHERE customer_id IS NOT NULL) AS customer_ref, first(email ORDER BY n) FILTER (WHERE email IS NOT NULL) AS mail,
    coalesce(first(status ORDER BY n) FILTER (WHERE status IS NOT NULL), 'placed') AS status, count(DISTINCT status) > 1 AS mixed,
    first(total ORDER BY n) FILTER (WHERE total IS NOT NULL) AS total, first(shipping ORDER BY n) FILTER (WHERE shipping IS NOT NULL) AS shipping,
    sum(coalesce(line_total, quantity * unit_price)) FILTER (WHERE quantity > 0) AS goods,
    first(upper(currency) ORDER BY n) FILTER (WHERE currency IS NOT NULL) AS currency, first(country ORDER BY n) FILTER (WHERE country IS NOT NULL) AS country,
    first(channel ORDER BY n) FILTER (WHERE channel IS NOT NULL) AS channel
FROM flat WHERE order_id IS NOT NULL GROUP BY order_id HAVING max(quantity) > 0;

-- name: order
-- Without a total an order is what its lines and its shipping come to.
SELECT n, file, order_id, customer_ref, mail, ordered_at, status, coalesce(total, goods + coalesce(shipping, 0)) AS total, shipping,
    total - coalesce(shipping, 0) AS goods, []::DOUBLE[] AS before, currency, country AS shipping_country, country AS billing_country, channel
FROM ordered

-- name: line
SELECT n, file, order_id, product_id AS product_ref, sku, title, brand, category, quantity, coalesce(line_total / nullif(quantity, 0), unit_price) AS unit_price
FROM flat JOIN (SELECT order_id FROM ordered) USING (order_id)
