-- EverShop -> the contract. Who bought is told by _people.sql.

-- name: account
SELECT customer_id AS user_id, email, created_at AS registered_at FROM customer;

-- name: buyer
SELECT customer_email AS email, created_at AS bought_at FROM "order";

-- name: shown
-- The product that a variant counts as: itself, or the first of its group.
SELECT
    product_id AS id,
    CASE WHEN $each OR variant_group_id IS NULL THEN product_id ELSE min(product_id) OVER (PARTITION BY variant_group_id) END AS product_id,
    price,
    status AND coalesce(visibility, true) AS active
FROM product;

-- name: product
SELECT
    p.product_id,
    d.name AS title,
    -- EverShop 2 keeps what its editor gives: rows of columns of blocks, as JSON.
    CASE
        WHEN d.description ~ '^\s*\[\s*\{\s*"' THEN (
            SELECT string_agg(part #>> '{}', ' ') FROM jsonb_path_query(d.description::jsonb, 'strict $.**.text') AS part
        )
        WHEN d.description !~ '^\s*\[\s*\]\s*$' THEN d.description
    END AS description,
    c.name AS category,
    of.price,
    of.active,
    p.created_at AS listed_at
FROM product AS p
INNER JOIN (
    SELECT product_id, coalesce(min(price) FILTER (WHERE active), min(price)) AS price, bool_or(active) AS active FROM shown GROUP BY product_id
) AS of ON of.product_id = p.product_id
LEFT JOIN product_description AS d ON d.product_description_product_id = p.product_id
LEFT JOIN category_description AS c ON c.category_description_category_id = p.category_id;

-- name: order
SELECT
    o.order_id,
    coalesce(own.customer_id::text, guest.customer_id) AS customer_id,
    o.created_at AS ordered_at,
    CASE
        WHEN lower(o.status) IN ('canceled', 'cancelled') OR o.payment_status IN ('canceled', 'cancelled', 'voided') THEN 'cancelled'
        WHEN o.payment_status LIKE '%partial_refunded' THEN 'partly_returned'
        WHEN o.payment_status LIKE '%refunded' THEN 'refunded'
        WHEN o.payment_status LIKE '%\_failed' OR (o.payment_status = 'pending' AND o.payment_method IN ('stripe', 'paypal')) THEN 'pending'
        WHEN o.shipment_status = 'delivered' THEN 'delivered'
        WHEN o.shipment_status IN ('shipped', 'partially_shipped', 'partially_delivered') THEN 'shipped'
        WHEN o.payment_status = 'paid' OR o.payment_status LIKE '%\_captured' THEN 'paid'
        WHEN o.payment_status LIKE '%\_authorized' THEN 'placed'
        ELSE coalesce(o.status, 'placed')
    END AS status,
    o.grand_total AS total,
    o.shipping_fee_incl_tax AS shipping,
    o.currency,
    'web' AS channel,
    sent.country AS shipping_country,
    billed.country AS billing_country,
    nullif(concat_ws(' ', sent.address_1, sent.postcode, sent.city), '') AS shipping_address,
    lower(trim(o.customer_email)) AS email,
    o.user_ip AS ip
FROM "order" AS o
LEFT JOIN customer AS own ON own.customer_id = o.customer_id
LEFT JOIN guest ON guest.address = lower(trim(o.customer_email))
LEFT JOIN order_address AS sent ON sent.order_address_id = o.shipping_address_id
LEFT JOIN order_address AS billed ON billed.order_address_id = o.billing_address_id;

-- name: order_item
SELECT
    order_item_order_id AS order_id,
    row_number() OVER (PARTITION BY order_item_order_id ORDER BY order_item_id) AS line_no,
    coalesce(shown.product_id, i.product_id) AS product_id,
    i.qty AS quantity,
    i.line_total_with_discount_incl_tax / nullif(i.qty, 0) AS unit_price
FROM order_item AS i
LEFT JOIN shown ON shown.id = i.product_id;

-- name: payment
SELECT
    t.payment_transaction_id AS payment_id,
    t.payment_transaction_order_id AS order_id,
    o.payment_method AS method,
    t.amount,
    t.created_at AS paid_at
FROM payment_transaction AS t
INNER JOIN "order" AS o ON o.order_id = t.payment_transaction_order_id
WHERE o.payment_method IS NOT NULL AND lower(coalesce(t.payment_action, '')) NOT IN ('refund', 'void');

-- name: stock
-- EverShop does not say when it counted: now.
SELECT
    shown.product_id,
    now() AS counted_at,
    sum(CASE WHEN s.stock_availability THEN s.qty ELSE 0 END) AS quantity
FROM product_inventory AS s
INNER JOIN shown ON shown.id = s.product_inventory_product_id
GROUP BY shown.product_id
HAVING bool_and(s.manage_stock);

-- name: cart
SELECT
    c.cart_id,
    coalesce(shown.product_id, i.product_id) AS product_id,
    max(c.customer_id) AS customer_id,
    sum(i.qty) AS quantity,
    min(i.created_at) AS added_at,
    max(o.order_id) AS order_id
FROM cart AS c
INNER JOIN cart_item AS i ON i.cart_id = c.cart_id
LEFT JOIN shown ON shown.id = i.product_id
LEFT JOIN "order" AS o ON o.cart_id = c.cart_id
GROUP BY 1, 2;

-- name: custom
SELECT 'product attribute' AS place, a.attribute_code AS field, count(*) AS rows
FROM attribute AS a
INNER JOIN product_attribute_value_index AS v ON v.attribute_id = a.attribute_id
GROUP BY a.attribute_code;
