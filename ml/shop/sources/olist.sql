-- Olist -> the contract. Each file is a table of text under the short name that olist.py gives it.
-- Times are those of Sao Paulo, where Olist sits.

-- name: placed
-- customer_id is made anew for each order; the person is customer_unique_id.
CREATE TABLE placed AS
SELECT
    o.rowid AS row_no,
    o.order_id,
    c.customer_unique_id AS customer_id,
    c.customer_zip_code_prefix || ' ' || c.customer_city || ' ' || c.customer_state AS address,
    c.customer_state AS state,
    o.order_status,
    timezone('America/Sao_Paulo', try_cast(o.order_purchase_timestamp AS TIMESTAMP)) AS ordered_at,
    timezone('America/Sao_Paulo', try_cast(o.order_approved_at AS TIMESTAMP)) AS approved_at,
    timezone('America/Sao_Paulo', try_cast(o.order_delivered_carrier_date AS TIMESTAMP)) AS carried_at,
    timezone('America/Sao_Paulo', try_cast(o.order_delivered_customer_date AS TIMESTAMP)) AS delivered_at,
    timezone('America/Sao_Paulo', try_cast(o.order_estimated_delivery_date AS TIMESTAMP)) AS estimated_at
FROM orders AS o
LEFT JOIN customers AS c USING (customer_id);

-- name: customer
-- A customer becomes known with the first order; the segment is the state of the latest.
SELECT customer_id, min(ordered_at) AS registered_at, 'BR' AS country, arg_max(state, (ordered_at, row_no)) AS segment
FROM placed
WHERE customer_id IS NOT NULL
GROUP BY customer_id
ORDER BY customer_id;

-- name: product
-- Olist publishes no titles: the category in words and the first eight characters of the id stand for one.
WITH sold AS (
    SELECT
        i.product_id,
        min(p.ordered_at) AS listed_at,
        arg_max(try_cast(i.price AS DOUBLE), (p.ordered_at, i.rowid)) AS price
    FROM items AS i
    LEFT JOIN placed AS p USING (order_id)
    GROUP BY i.product_id
),

named AS (
    SELECT
        products.rowid AS row_no,
        products.product_id,
        coalesce(translation.product_category_name_english, products.product_category_name) AS category
    FROM products
    LEFT JOIN translation USING (product_category_name)
)

SELECT
    product_id,
    coalesce(upper(category[1]) || replace(category[2:], '_', ' '), 'Product') || ' ' || product_id[:8] AS title,
    category,
    price,
    listed_at
FROM named
LEFT JOIN sold USING (product_id)
ORDER BY named.row_no;

-- name: order
WITH amount AS (
    SELECT
        order_id,
        sum(try_cast(price AS DOUBLE) + try_cast(freight_value AS DOUBLE)) AS total,
        sum(try_cast(freight_value AS DOUBLE)) AS shipping
    FROM items
    GROUP BY order_id
)

SELECT
    order_id,
    customer_id,
    ordered_at,
    CASE order_status
        WHEN 'created' THEN 'placed'
        WHEN 'approved' THEN 'paid'
        WHEN 'invoiced' THEN 'paid'
        WHEN 'processing' THEN 'paid'
        WHEN 'canceled' THEN 'cancelled'
        WHEN 'unavailable' THEN 'cancelled'
        ELSE order_status
    END AS status,
    round(total, 2) AS total,
    round(shipping, 2) AS shipping,
    'web' AS channel,
    'BR' AS shipping_country,
    address AS shipping_address
FROM placed
LEFT JOIN amount USING (order_id)
ORDER BY row_no;

-- name: order_item
-- Each piece is a line of its own.
SELECT
    order_id,
    try_cast(order_item_id AS BIGINT) AS line_no,
    product_id,
    1 AS quantity,
    try_cast(price AS DOUBLE) AS unit_price
FROM items
ORDER BY rowid;

-- name: review
-- A review id repeats where one survey covered two orders, an order id where it was asked twice: only the pair is
-- unique. The survey is sent on the creation date and written on the answer's. It is about a product only where the
-- order has one.
WITH about AS (
    SELECT order_id, min(product_id) AS product_id
    FROM items
    GROUP BY order_id
    HAVING count(DISTINCT product_id) = 1
)

SELECT
    r.review_id || '-' || r.order_id AS review_id,
    about.product_id,
    placed.customer_id,
    r.order_id,
    try_cast(r.review_score AS BIGINT) AS stars,
    nullif(trim(r.review_comment_title), '') AS title,
    nullif(trim(r.review_comment_message), '') AS text,
    timezone(
        'America/Sao_Paulo',
        try_cast(coalesce(r.review_answer_timestamp, r.review_creation_date) AS TIMESTAMP)
    ) AS written_at
FROM reviews AS r
LEFT JOIN placed USING (order_id)
LEFT JOIN about USING (order_id)
ORDER BY r.rowid;

-- name: order_outcome
-- When an order was cancelled is not published. It was surely known by the last date that the order carries, its
-- promised delivery included; taking the latest gives no model a label before the shop had it.
SELECT
    order_id,
    CASE order_status WHEN 'delivered' THEN 'ok' ELSE 'cancelled' END AS kind,
    CASE
        WHEN order_status = 'delivered' THEN coalesce(delivered_at, estimated_at)
        ELSE greatest(ordered_at, approved_at, carried_at, delivered_at, estimated_at)
    END AS known_at
FROM placed
WHERE order_status IN ('delivered', 'canceled', 'unavailable')
ORDER BY row_no;

-- name: payment
SELECT
    order_id || '-' || payment_sequential AS payment_id,
    order_id,
    CASE payment_type WHEN 'credit_card' THEN 'card' ELSE payment_type END AS method,
    try_cast(payment_value AS DOUBLE) AS amount,
    try_cast(payment_installments AS BIGINT) AS instalments,
    placed.approved_at AS paid_at
FROM payments
LEFT JOIN placed USING (order_id)
ORDER BY payments.rowid;

-- name: shipment
-- One parcel an order; who carried it is not published. It comes from a seller of some state and goes to the customer's.
SELECT
    order_id AS shipment_id,
    order_id,
    estimated_at AS promised_at,
    carried_at AS handed_over_at,
    delivered_at,
    state AS destination
FROM placed
WHERE order_status NOT IN ('canceled', 'unavailable')
ORDER BY row_no;
