-- Saleor 3 -> the contract. A variant counts as its product. Who bought is told by _people.sql.

-- name: account
SELECT id AS user_id, email, date_joined AS registered_at FROM account_user;

-- name: buyer
SELECT user_email AS email, created_at AS bought_at FROM order_order;

-- name: currency
SELECT currency AS code FROM order_order GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1;

-- name: product
SELECT
    coalesce(one.id, p.id) AS product_id,
    concat_ws(' ', p.name, nullif(one.name, '')) AS title,
    (
        SELECT string_agg(block -> 'data' ->> 'text', ' ')
        FROM jsonb_array_elements(
            CASE WHEN jsonb_typeof(p.description::jsonb -> 'blocks') = 'array' THEN p.description::jsonb -> 'blocks' ELSE '[]' END
        ) AS block
    ) AS description,
    c.name AS category,
    (
        SELECT min(l.price_amount)
        FROM product_productvariant AS v
        INNER JOIN product_productvariantchannellisting AS l ON l.variant_id = v.id
        INNER JOIN channel_channel AS ch ON ch.id = l.channel_id AND ch.currency_code = (SELECT code FROM currency)
        WHERE v.product_id = p.id AND (one.id IS NULL OR v.id = one.id)
    ) AS price,
    EXISTS (
        SELECT FROM product_productchannellisting AS l
        INNER JOIN channel_channel AS ch ON ch.id = l.channel_id AND coalesce(ch.is_active, true)
        WHERE l.product_id = p.id AND l.is_published AND coalesce(l.published_at, '-infinity') <= now()
    ) AS active,
    p.created_at AS listed_at
FROM product_product AS p
LEFT JOIN product_productvariant AS one ON one.product_id = p.id AND $each
LEFT JOIN product_category AS c ON c.id = p.category_id
WHERE one.id IS NOT NULL OR NOT $each;

-- name: order
SELECT
    o.id AS order_id,
    coalesce(person.customer_id, guest.customer_id) AS customer_id,
    o.created_at AS ordered_at,
    CASE o.status
        WHEN 'unfulfilled' THEN 'placed'
        WHEN 'partially fulfilled' THEN 'shipped'
        WHEN 'fulfilled' THEN 'delivered'
        WHEN 'partially_returned' THEN 'partly_returned'
        WHEN 'unconfirmed' THEN 'pending'
        WHEN 'expired' THEN 'cancelled'
        ELSE o.status
    END AS status,
    o.total_gross_amount AS total,
    o.shipping_price_gross_amount AS shipping,
    o.currency,
    'web' AS channel,
    sent.country AS shipping_country,
    billed.country AS billing_country,
    nullif(concat_ws(' ', sent.street_address_1, sent.postal_code, sent.city), '') AS shipping_address,
    lower(trim(o.user_email)) AS email
FROM order_order AS o
LEFT JOIN person ON person.user_id = o.user_id
LEFT JOIN guest ON guest.address = lower(trim(o.user_email))
LEFT JOIN account_address AS sent ON sent.id = o.shipping_address_id
LEFT JOIN account_address AS billed ON billed.id = o.billing_address_id;

-- name: order_item
SELECT
    l.order_id,
    row_number() OVER (PARTITION BY l.order_id ORDER BY l.created_at, l.id) AS line_no,
    CASE WHEN $each THEN v.id ELSE v.product_id END AS product_id,
    l.quantity,
    coalesce(l.total_price_gross_amount / nullif(l.quantity, 0), l.unit_price_gross_amount) AS unit_price
FROM order_orderline AS l
LEFT JOIN product_productvariant AS v ON v.id = l.variant_id;

-- name: order_outcome
SELECT e.order_id, 'cancelled' AS kind, max(e.date) AS known_at
FROM order_orderevent AS e
INNER JOIN order_order AS o ON o.id = e.order_id AND o.status = 'canceled'
WHERE e.type = 'canceled'
GROUP BY e.order_id;

-- name: stock
-- Saleor does not say when it counted: now.
SELECT CASE WHEN $each THEN v.id ELSE v.product_id END AS product_id, now() AS counted_at, sum(s.quantity - coalesce(s.quantity_allocated, 0)) AS quantity
FROM product_productvariant AS v
INNER JOIN warehouse_stock AS s ON s.product_variant_id = v.id
GROUP BY 1
HAVING bool_and(v.track_inventory);

-- name: custom
SELECT 'order.metadata' AS place, key AS field, count(*) AS rows FROM order_order, jsonb_object_keys(metadata) AS key GROUP BY key
UNION ALL
SELECT 'product.metadata', key, count(*) FROM product_product, jsonb_object_keys(metadata) AS key GROUP BY key;

-- name: release
SELECT NULL;
