-- Spree and Solidus -> the contract. Times are in UTC, without a zone.

-- name: placed
SELECT *, nullif(lower(trim(email)), '') AS address FROM spree_orders WHERE completed_at IS NOT NULL;

-- name: guest
-- Who bought is the account of that e-mail, else known by its SHA-256.
SELECT
    o.address,
    coalesce(min(u.id)::text, encode(sha256(convert_to(o.address, 'UTF8')), 'hex')) AS customer_id,
    bool_and(u.id IS NULL) AS alone,
    min(o.completed_at) AS first_order
FROM placed AS o
LEFT JOIN spree_users AS u ON lower(trim(u.email)) = o.address
WHERE o.address IS NOT NULL
GROUP BY o.address;

-- name: line
SELECT
    l.id,
    l.order_id,
    v.product_id,
    l.quantity,
    l.price * l.quantity + l.adjustment_total AS amount,
    sum(l.price * l.quantity + l.adjustment_total) OVER (PARTITION BY l.order_id) AS goods
FROM spree_line_items AS l
LEFT JOIN spree_variants AS v ON v.id = l.variant_id;

-- name: carriage
SELECT order_id, sum(cost + coalesce(adjustment_total, 0)) AS amount FROM spree_shipments WHERE state <> 'canceled' GROUP BY order_id;

-- name: customer
SELECT id::text AS customer_id, created_at AT TIME ZONE 'UTC' AS registered_at, lower(trim(email)) AS email FROM spree_users
UNION ALL
SELECT customer_id, first_order AT TIME ZONE 'UTC', address FROM guest WHERE alone;

-- name: product
SELECT
    p.id AS product_id,
    coalesce(nullif(p.name, ''), t.name) AS title,
    coalesce(nullif(p.description, ''), t.description) AS description,
    (
        SELECT x.name FROM spree_products_taxons AS pt INNER JOIN spree_taxons AS x ON x.id = pt.taxon_id
        WHERE pt.product_id = p.id
        ORDER BY x.depth DESC NULLS LAST, x.id
        LIMIT 1
    ) AS category,
    (
        SELECT a.amount FROM spree_variants AS v INNER JOIN spree_prices AS a ON a.variant_id = v.id
        WHERE
            v.product_id = p.id AND v.deleted_at IS NULL AND a.deleted_at IS NULL AND a.country_iso IS NULL AND a.amount IS NOT NULL
            AND a.currency = (SELECT currency FROM placed GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1)
        ORDER BY v.is_master DESC, a.amount
        LIMIT 1
    ) AS price,
    p.deleted_at IS NULL AND coalesce(p.status, 'active') = 'active' AND coalesce(p.available_on, '-infinity') <= now() AT TIME ZONE 'UTC'
    AND coalesce(p.discontinue_on, 'infinity') > now() AT TIME ZONE 'UTC' AS active,
    p.created_at AT TIME ZONE 'UTC' AS listed_at
FROM spree_products AS p
LEFT JOIN LATERAL (
    SELECT name, description FROM spree_product_translations
    WHERE spree_product_id = p.id
    ORDER BY (locale = $language) DESC, (locale = 'en') DESC, locale
    LIMIT 1
) AS t ON true;

-- name: order
SELECT
    o.id AS order_id,
    coalesce(own.id::text, guest.customer_id) AS customer_id,
    o.completed_at AT TIME ZONE 'UTC' AS ordered_at,
    CASE
        WHEN o.state IN ('complete', 'resumed', 'awaiting_return') AND o.shipment_state = 'shipped' THEN 'shipped'
        WHEN o.state IN ('complete', 'resumed', 'awaiting_return') AND o.payment_state = 'paid' THEN 'paid'
        WHEN o.state IN ('complete', 'resumed', 'awaiting_return') THEN 'placed'
        ELSE o.state
    END AS status,
    o.total,
    coalesce(carriage.amount, 0) AS shipping,
    o.currency,
    CASE WHEN coalesce(o.channel, 'spree') IN ('spree', 'solidus') THEN 'web' ELSE o.channel END AS channel,
    sent_country.iso AS shipping_country,
    billed_country.iso AS billing_country,
    nullif(concat_ws(' ', sent.address1, sent.zipcode, sent.city), '') AS shipping_address,
    o.address AS email,
    o.last_ip_address AS ip
FROM placed AS o
LEFT JOIN guest ON guest.address = o.address
LEFT JOIN spree_users AS own ON own.id = o.user_id
LEFT JOIN carriage ON carriage.order_id = o.id
LEFT JOIN spree_addresses AS sent ON sent.id = o.ship_address_id
LEFT JOIN spree_countries AS sent_country ON sent_country.id = sent.country_id
LEFT JOIN spree_addresses AS billed ON billed.id = o.bill_address_id
LEFT JOIN spree_countries AS billed_country ON billed_country.id = billed.country_id;

-- name: order_item
-- What the whole order was given or charged lies on each line by its share.
SELECT
    line.order_id,
    row_number() OVER (PARTITION BY line.order_id ORDER BY line.id) AS line_no,
    line.product_id,
    line.quantity,
    line.amount / nullif(line.quantity, 0)
    * coalesce((o.total - coalesce(carriage.amount, 0)) / nullif(line.goods, 0), 1) AS unit_price
FROM line
INNER JOIN placed AS o ON o.id = line.order_id
LEFT JOIN carriage ON carriage.order_id = line.order_id;

-- name: order_outcome
SELECT id AS order_id, 'cancelled' AS kind, canceled_at AT TIME ZONE 'UTC' AS known_at
FROM placed
WHERE state = 'canceled' AND canceled_at IS NOT NULL;

-- name: stock
SELECT v.product_id, max(s.updated_at) AT TIME ZONE 'UTC' AS counted_at, sum(s.count_on_hand) AS quantity
FROM spree_variants AS v
INNER JOIN spree_stock_items AS s ON s.variant_id = v.id AND s.deleted_at IS NULL
WHERE v.deleted_at IS NULL
GROUP BY v.product_id
HAVING bool_and(v.track_inventory AND NOT s.backorderable);

-- name: cart
SELECT
    o.id AS cart_id,
    v.product_id,
    max(o.user_id) AS customer_id,
    sum(l.quantity) AS quantity,
    min(l.created_at) AT TIME ZONE 'UTC' AS added_at,
    max(CASE WHEN o.completed_at IS NOT NULL THEN o.id END) AS order_id
FROM spree_orders AS o
INNER JOIN spree_line_items AS l ON l.order_id = o.id
INNER JOIN spree_variants AS v ON v.id = l.variant_id
GROUP BY o.id, v.product_id;
