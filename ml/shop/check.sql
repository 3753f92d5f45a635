-- What `shop check` measures on the extracted tables. $table and $time stand for quoted names.

-- name: span
-- The time of rows dated in the future is not that of the shop.
SELECT
    min($time) FILTER ($time <= $now::TIMESTAMPTZ),
    max($time) FILTER ($time <= $now::TIMESTAMPTZ),
    count(*) FILTER ($time > $now::TIMESTAMPTZ)
FROM $table;

-- name: facts
SELECT 'orders with a known customer', count(*) FILTER (customer_id IN (SELECT customer_id FROM customer)), count(*)
FROM "order"
UNION ALL
SELECT 'orders with items', count(*) FILTER (order_id IN (SELECT order_id FROM order_item)), count(*)
FROM "order"
UNION ALL
SELECT 'products with a title', count(*) FILTER (trim(title) <> ''), count(*)
FROM product
UNION ALL
SELECT 'products for sale', count(*) FILTER (active IS DISTINCT FROM false), count(*)
FROM product
UNION ALL
SELECT 'products that were ordered', count(*) FILTER (product_id IN (SELECT product_id FROM order_item)), count(*)
FROM product
UNION ALL
SELECT 'customers who ordered', count(*) FILTER (customer_id IN (SELECT customer_id FROM "order")), count(*)
FROM customer;

-- name: twice
-- Orders whose lines add up to a whole multiple of what they cost, or each of whose lines is there again; an order whose
-- lines add up to its total once is none of them.
WITH line AS (
    SELECT order_id, product_id, quantity, unit_price, count(*) AS times
    FROM order_item
    WHERE product_id IS NOT NULL AND isfinite(quantity) AND isfinite(unit_price) AND quantity > 0 AND unit_price > 0
    GROUP BY ALL
),
basket AS (
    SELECT order_id, sum(times * quantity * unit_price) AS goods, min(times) AS times
    FROM line
    GROUP BY order_id
),
compared AS (
    SELECT
        basket.times,
        goods / nullif(total - coalesce(shipping, 0), 0) AS net,
        goods / nullif(total, 0) AS gross
    FROM "order"
    INNER JOIN basket USING (order_id)
    WHERE total IS NULL OR (isfinite(total) AND total > 0)
)
SELECT
    'orders whose lines are there twice',
    count(*) FILTER (
        CASE
            WHEN gross IS NULL THEN times > 1
            WHEN abs(net - 1) < 0.01 OR abs(gross - 1) < 0.01 THEN false
            ELSE (round(net) > 1 AND abs(net - round(net)) < 0.01) OR (round(gross) > 1 AND abs(gross - round(gross)) < 0.01)
        END
    ),
    count(*)
FROM compared;
