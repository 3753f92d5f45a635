-- WooCommerce -> the contract. Every column is text as MySQL gave it; a zero date is none. Times are those of GMT.

-- name: meta
SELECT
    post_id,
    max(meta_value) FILTER (meta_key = '_price') AS price,
    min(try_cast(meta_value AS DOUBLE)) FILTER (meta_key = '_price') AS lowest,
    max(meta_value) FILTER (meta_key = '_stock') AS stock,
    max(meta_value) FILTER (meta_key = '_manage_stock') AS managed,
    max(meta_value) FILTER (meta_key = '_order_total') AS total,
    max(meta_value) FILTER (meta_key = '_order_currency') AS currency,
    max(meta_value) FILTER (meta_key = '_customer_user') AS user_id,
    max(meta_value) FILTER (meta_key = '_billing_email') AS email,
    max(meta_value) FILTER (meta_key = '_order_shipping') AS shipping,
    max(meta_value) FILTER (meta_key = '_order_shipping_tax') AS shipping_tax,
    max(meta_value) FILTER (meta_key = '_payment_method') AS method,
    max(meta_value) FILTER (meta_key = '_customer_ip_address') AS ip,
    max(meta_value) FILTER (meta_key = '_billing_country') AS billing_country,
    max(meta_value) FILTER (meta_key = '_shipping_country') AS shipping_country
FROM postmeta
GROUP BY post_id;

-- name: placed
-- The orders and refunds of the place that WooCommerce itself reads.
SELECT
    o.id, o.type, o.status, o.parent_order_id AS parent, o.currency, try_cast(o.total_amount AS DOUBLE) AS total,
    coalesce(try_cast(d.shipping_total_amount AS DOUBLE), 0) + coalesce(try_cast(d.shipping_tax_amount AS DOUBLE), 0) AS shipping,
    nullif(o.customer_id, '0') AS user_id, o.billing_email AS email, o.payment_method AS method, o.ip_address AS ip,
    b.country AS billing_country, s.country AS shipping_country,
    nullif(concat_ws(' ', s.address_1, s.postcode, s.city), '') AS address,
    try_cast(o.date_created_gmt AS TIMESTAMP) AS created_at, try_cast(o.date_updated_gmt AS TIMESTAMP) AS updated_at
FROM wc_orders AS o
LEFT JOIN wc_order_operational_data AS d ON d.order_id = o.id
LEFT JOIN wc_order_addresses AS b ON b.order_id = o.id AND b.address_type = 'billing'
LEFT JOIN wc_order_addresses AS s ON s.order_id = o.id AND s.address_type = 'shipping'
WHERE (SELECT max(option_value) FROM options WHERE option_name = 'woocommerce_custom_orders_table_enabled') = 'yes'
UNION ALL
SELECT
    p.ID, p.post_type, p.post_status, p.post_parent, m.currency, try_cast(m.total AS DOUBLE),
    coalesce(try_cast(m.shipping AS DOUBLE), 0) + coalesce(try_cast(m.shipping_tax AS DOUBLE), 0),
    nullif(m.user_id, '0'), m.email, m.method, m.ip, m.billing_country, m.shipping_country, NULL,
    try_cast(p.post_date_gmt AS TIMESTAMP), try_cast(p.post_modified_gmt AS TIMESTAMP)
FROM posts AS p
LEFT JOIN meta AS m ON m.post_id = p.ID
WHERE
    p.post_type IN ('shop_order', 'shop_order_refund')
    AND (SELECT max(option_value) FROM options WHERE option_name = 'woocommerce_custom_orders_table_enabled') IS DISTINCT FROM 'yes';

-- name: person
-- Accounts of one e-mail are one customer.
SELECT
    ID AS user_id,
    first_value(ID) OVER (PARTITION BY coalesce(nullif(lower(trim(user_email)), ''), ID) ORDER BY try_cast(ID AS BIGINT)) AS customer_id,
    nullif(lower(trim(user_email)), '') AS address,
    try_cast(user_registered AS TIMESTAMP) AS registered_at
FROM users;

-- name: guest
-- A guest is the account of that e-mail, else known by its SHA-256.
SELECT
    o.address,
    coalesce(min(p.customer_id), sha256(o.address)) AS customer_id,
    bool_and(p.customer_id IS NULL) AS alone,
    min(o.created_at) AS first_order
FROM (SELECT nullif(lower(trim(email)), '') AS address, created_at FROM placed WHERE type = 'shop_order') AS o
LEFT JOIN person AS p ON p.address = o.address
WHERE o.address IS NOT NULL
GROUP BY o.address;

-- name: item
SELECT
    i.order_item_id,
    i.order_id,
    i.order_item_type AS type,
    i.order_item_name AS name,
    nullif(max(m.meta_value) FILTER (m.meta_key = '_product_id'), '0') AS product_id,
    try_cast(max(m.meta_value) FILTER (m.meta_key = '_qty') AS DOUBLE) AS quantity,
    coalesce(try_cast(max(m.meta_value) FILTER (m.meta_key = '_line_total') AS DOUBLE), 0)
    + coalesce(try_cast(max(m.meta_value) FILTER (m.meta_key = '_line_tax') AS DOUBLE), 0) AS amount,
    try_cast(max(m.meta_value) FILTER (m.meta_key = 'discount_amount') AS DOUBLE) AS discount
FROM woocommerce_order_items AS i
LEFT JOIN woocommerce_order_itemmeta AS m ON m.order_item_id = i.order_item_id
GROUP BY ALL;

-- name: customer
SELECT customer_id, min(registered_at) AT TIME ZONE 'UTC' AS registered_at, min(address) AS email FROM person GROUP BY customer_id
UNION ALL
SELECT customer_id, first_order AT TIME ZONE 'UTC', address FROM guest WHERE alone;

-- name: product
SELECT
    p.ID AS product_id,
    p.post_title AS title,
    p.post_content AS description,
    (
        SELECT arg_max(t.name, (x.parent <> '0', try_cast(t.term_id AS BIGINT)))
        FROM term_relationships AS r
        INNER JOIN term_taxonomy AS x ON x.term_taxonomy_id = r.term_taxonomy_id
        INNER JOIN terms AS t ON t.term_id = x.term_id
        WHERE r.object_id = p.ID
    ) AS category,
    m.lowest AS price,
    p.post_status = 'publish' AS active,
    try_cast(p.post_date_gmt AS TIMESTAMP) AT TIME ZONE 'UTC' AS listed_at
FROM posts AS p
LEFT JOIN meta AS m ON m.post_id = p.ID
WHERE p.post_type = 'product';

-- name: order
SELECT
    o.id AS order_id,
    coalesce(own.customer_id, guest.customer_id) AS customer_id,
    o.created_at AT TIME ZONE 'UTC' AS ordered_at,
    CASE
        WHEN o.status IN ('trash', 'auto-draft') THEN 'draft'
        WHEN o.status IN ('wc-processing', 'wc-completed') AND back.refunds > 0 THEN 'partly_returned'
        ELSE o.status
    END AS status,
    o.total,
    o.shipping,
    o.currency,
    'web' AS channel,
    o.shipping_country,
    o.billing_country,
    o.address AS shipping_address,
    nullif(lower(trim(o.email)), '') AS email,
    o.ip
FROM placed AS o
LEFT JOIN person AS own ON own.user_id = o.user_id
LEFT JOIN guest ON guest.address = lower(trim(o.email))
LEFT JOIN (SELECT parent, count(*) AS refunds FROM placed WHERE type = 'shop_order_refund' GROUP BY parent) AS back
    ON back.parent = o.id
WHERE o.type = 'shop_order' AND o.created_at IS NOT NULL;

-- name: order_item
-- Fees are lines without a product.
SELECT
    i.order_id,
    row_number() OVER (PARTITION BY i.order_id ORDER BY try_cast(i.order_item_id AS BIGINT)) AS line_no,
    i.product_id,
    coalesce(i.quantity, 1) AS quantity,
    i.amount / coalesce(nullif(i.quantity, 0), 1) AS unit_price
FROM item AS i
INNER JOIN placed AS o ON o.id = i.order_id AND o.type = 'shop_order' AND o.created_at IS NOT NULL
WHERE i.type IN ('line_item', 'fee');

-- name: order_outcome
SELECT id AS order_id, 'cancelled' AS kind, updated_at AT TIME ZONE 'UTC' AS known_at
FROM placed
WHERE type = 'shop_order' AND status IN ('wc-cancelled', 'wc-failed') AND updated_at IS NOT NULL AND created_at IS NOT NULL
UNION ALL
SELECT parent, 'returned', min(r.created_at) AT TIME ZONE 'UTC'
FROM placed AS r
WHERE r.type = 'shop_order_refund' AND r.created_at IS NOT NULL
GROUP BY parent;

-- name: review
SELECT
    c.comment_ID AS review_id,
    c.comment_post_ID AS product_id,
    coalesce(own.customer_id, guest.customer_id) AS customer_id,
    try_cast(m.meta_value AS BIGINT) AS stars,
    c.comment_content AS text,
    try_cast(c.comment_date_gmt AS TIMESTAMP) AT TIME ZONE 'UTC' AS written_at
FROM comments AS c
INNER JOIN posts AS p ON p.ID = c.comment_post_ID AND p.post_type = 'product'
LEFT JOIN commentmeta AS m ON m.comment_id = c.comment_ID
LEFT JOIN person AS own ON own.user_id = nullif(c.user_id, '0')
LEFT JOIN guest ON guest.address = lower(trim(c.comment_author_email))
WHERE c.comment_approved = '1' AND try_cast(c.comment_date_gmt AS TIMESTAMP) IS NOT NULL;

-- name: stock
-- WooCommerce does not say when it counted: now.
SELECT m.post_id AS product_id, now() AS counted_at, try_cast(m.stock AS DOUBLE) AS quantity
FROM meta AS m
INNER JOIN posts AS p ON p.ID = m.post_id AND p.post_type = 'product'
WHERE m.managed = 'yes' AND try_cast(m.stock AS DOUBLE) IS NOT NULL;

-- name: coupon
SELECT i.order_item_id AS coupon_id, i.order_id, i.name AS code, coalesce(i.discount, 0) AS discount
FROM item AS i
INNER JOIN placed AS o ON o.id = i.order_id AND o.type = 'shop_order' AND o.created_at IS NOT NULL
WHERE i.type = 'coupon';

-- name: release
SELECT option_value FROM options WHERE option_name = 'woocommerce_version';
