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
SELECT 'orders not cancelled', count(*) FILTER (status IS DISTINCT FROM 'cancelled'), count(*)
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
