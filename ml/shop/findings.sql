-- What a person would want to know of a shop that breaks no rule. $table, $column … stand for quoted names, $words for a list.

-- name: payments
SELECT
    count(*) FILTER (p.paid_at > o.ordered_at) AS late,
    count(*) FILTER (p.paid_at > o.ordered_at + to_minutes($minutes)) AS too_late,
    count(*) AS of_all,
    epoch(median(p.paid_at - o.ordered_at) FILTER (p.paid_at > o.ordered_at)) AS usual,
    epoch(max(p.paid_at - o.ordered_at)) AS latest
FROM payment p
JOIN "order" o USING (order_id);

-- name: lines_before_product
SELECT
    count(*) FILTER (o.ordered_at < p.listed_at) AS early,
    count(*) AS of_all,
    count(DISTINCT i.product_id) FILTER (o.ordered_at < p.listed_at) AS things,
    epoch(max(p.listed_at - o.ordered_at)) AS most
FROM order_item i
JOIN "order" o USING (order_id)
JOIN product p USING (product_id);

-- name: orders_before_customer
SELECT
    count(*) FILTER (o.ordered_at < c.registered_at) AS early,
    count(*) AS of_all,
    count(DISTINCT o.customer_id) FILTER (o.ordered_at < c.registered_at) AS things,
    epoch(max(c.registered_at - o.ordered_at)) AS most
FROM "order" o
JOIN customer c USING (customer_id);

-- name: orphans
SELECT count(*), count(DISTINCT t.$column), min(t.$column)
FROM $table t
ANTI JOIN (SELECT $key AS $column FROM $parent) p USING ($column)
WHERE t.$column IS NOT NULL;

-- name: written_otherwise
-- The same id with blanks, capitals, zeros before it or a .0 behind it.
WITH missing AS (
    SELECT DISTINCT t.$column AS theirs
    FROM $table t
    ANTI JOIN (SELECT $key AS $column FROM $parent) p USING ($column)
    WHERE t.$column IS NOT NULL
)
SELECT m.theirs, p.$key
FROM missing m
JOIN $parent p
    ON lower(ltrim(regexp_replace(trim(m.theirs), '[.,]0+$', ''), '0'))
    = lower(ltrim(regexp_replace(trim(p.$key), '[.,]0+$', ''), '0'))
ORDER BY ALL
LIMIT 1;

-- name: any_key
SELECT min($key) FROM $parent;

-- name: no_value
SELECT count(*) FILTER ($column IN $words), count($column), mode($column) FILTER ($column IN $words)
FROM $table;

-- name: structured
SELECT count(*) FILTER (regexp_matches($column, $pattern)), count($column), min($column) FILTER (regexp_matches($column, $pattern))
FROM $table;

-- name: common
WITH used AS ($used)
SELECT count(DISTINCT who) FROM used WHERE value IS NOT NULL GROUP BY value ORDER BY 1 DESC LIMIT 1;

-- name: people
SELECT count(DISTINCT coalesce('c' || customer_id, 'o' || order_id)) FROM "order";

-- name: used_in_order
SELECT coalesce('c' || customer_id, 'o' || order_id) AS who, $column AS value FROM "order"

-- name: used_in_payment
SELECT coalesce('c' || o.customer_id, 'o' || o.order_id) AS who, p.$column AS value
FROM payment p
JOIN "order" o USING (order_id)

-- name: median_total
SELECT median(coalesce(o.total, i.goods)), count(coalesce(o.total, i.goods))
FROM "order" o
LEFT JOIN (SELECT order_id, sum(quantity * unit_price) AS goods FROM order_item GROUP BY order_id) i USING (order_id)
WHERE isfinite(coalesce(o.total, i.goods));

-- name: dearest
SELECT price, product_id, title
FROM (
    SELECT product_id, price FROM product
    UNION ALL
    SELECT product_id, unit_price FROM order_item WHERE NOT EXISTS (FROM product WHERE price IS NOT NULL)
)
LEFT JOIN (SELECT product_id, title FROM product) USING (product_id)
WHERE isfinite(price)
ORDER BY price DESC, product_id
LIMIT 1;

-- name: busiest_hour
SELECT hour, n / sum(n) OVER ()
FROM (
    SELECT extract(hour FROM timezone($zone, ordered_at)) AS hour, count(*) AS n
    FROM "order"
    WHERE ordered_at IS NOT NULL
    GROUP BY 1
)
ORDER BY n DESC, hour
LIMIT 1;

-- name: statuses
SELECT coalesce(status, 'none'), n / sum(n) OVER ()
FROM (SELECT status, count(*) AS n FROM "order" GROUP BY 1)
ORDER BY n DESC, status;
