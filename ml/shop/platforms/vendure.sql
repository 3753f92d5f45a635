-- Vendure 2 and 3 -> the contract. Times are written without a zone, in UTC.

-- name: language
SELECT coalesce(nullif($language, ''), "defaultLanguageCode") AS code FROM channel WHERE code = '__default_channel__';

-- name: person
-- A guest and an account of one e-mail are one person: who has a user first.
SELECT
    id,
    first_value(id) OVER (
        PARTITION BY coalesce(nullif(lower(trim("emailAddress")), ''), id::text)
        ORDER BY ("deletedAt" IS NULL) DESC, ("userId" IS NOT NULL) DESC, id
    ) AS customer_id
FROM customer;

-- name: line
-- What a piece costs with its tax and its part of the order's discounts, in hundredths.
SELECT
    l."orderId" AS order_id,
    l.id AS line_id,
    CASE WHEN $each THEN v.id ELSE v."productId" END AS product_id,
    l.quantity,
    (
        l."listPrice" + coalesce((
            SELECT sum((a ->> 'amount')::numeric) FROM jsonb_array_elements(l.adjustments::jsonb) AS a
        ), 0) / greatest(l."orderPlacedQuantity", l.quantity, 1)
    ) * CASE WHEN l."listPriceIncludesTax" THEN 1 ELSE 1 + coalesce((
        SELECT sum((t ->> 'taxRate')::numeric) FROM jsonb_array_elements(l."taxLines"::jsonb) AS t
    ), 0) / 100 END AS unit_price
FROM order_line AS l
LEFT JOIN product_variant AS v ON v.id = l."productVariantId"
UNION ALL
SELECT
    s."orderId",
    s.id + 1000000000,
    NULL,
    1,
    s."listPrice" * CASE WHEN s."listPriceIncludesTax" THEN 1 ELSE 1 + coalesce((
        SELECT sum((t ->> 'taxRate')::numeric) FROM jsonb_array_elements(s."taxLines"::jsonb) AS t
    ), 0) / 100 END
FROM surcharge AS s;

-- name: customer
SELECT c.id AS customer_id, c."createdAt" AT TIME ZONE 'UTC' AS registered_at, lower(trim(c."emailAddress")) AS email
FROM customer AS c
INNER JOIN person AS p ON p.id = c.id AND p.customer_id = c.id
WHERE c."deletedAt" IS NULL;

-- name: product
SELECT
    coalesce(one.id, p.id) AS product_id,
    coalesce((
        SELECT vt.name FROM product_variant_translation AS vt
        WHERE vt."baseId" = one.id
        ORDER BY (vt."languageCode" = (SELECT code FROM language)) DESC, vt."languageCode"
        LIMIT 1
    ), t.name) AS title,
    t.description,
    (
        SELECT ct.name
        FROM product_variant AS v
        INNER JOIN collection_product_variants_product_variant AS cv ON cv."productVariantId" = v.id
        INNER JOIN collection AS c ON c.id = cv."collectionId" AND NOT c."isRoot"
        INNER JOIN collection_translation AS ct ON ct."baseId" = c.id
        WHERE v."productId" = p.id AND (one.id IS NULL OR v.id = one.id)
        ORDER BY (ct."languageCode" = (SELECT code FROM language)) DESC, c.id DESC
        LIMIT 1
    ) AS category,
    (
        SELECT min(a.price) / 100.0
        FROM product_variant AS v
        INNER JOIN product_variant_price AS a ON a."variantId" = v.id
        INNER JOIN channel AS c ON c.id = a."channelId" AND c.code = '__default_channel__'
        WHERE v."productId" = p.id AND (one.id IS NULL OR v.id = one.id) AND v."deletedAt" IS NULL AND v.enabled
            AND coalesce(a."currencyCode", c."defaultCurrencyCode") IS NOT DISTINCT FROM coalesce(
                c."defaultCurrencyCode", a."currencyCode"
            )
    ) AS price,
    p.enabled AND p."deletedAt" IS NULL AND coalesce(one.enabled, true) AND one."deletedAt" IS NULL AS active,
    p."createdAt" AT TIME ZONE 'UTC' AS listed_at
FROM product AS p
LEFT JOIN product_variant AS one ON one."productId" = p.id AND $each
LEFT JOIN LATERAL (
    SELECT name, description FROM product_translation
    WHERE "baseId" = p.id
    ORDER BY ("languageCode" = (SELECT code FROM language)) DESC, "languageCode"
    LIMIT 1
) AS t ON true
WHERE one.id IS NOT NULL OR NOT $each;

-- name: order
SELECT
    o.id AS order_id,
    person.customer_id,
    o."orderPlacedAt" AT TIME ZONE 'UTC' AS ordered_at,
    CASE
        WHEN o.state <> 'Cancelled' AND money.refunded > 0 AND money.paid <= money.refunded THEN 'refunded'
        -- A change that lowers the total gives its difference back, and what is left is sold.
        WHEN o.state <> 'Cancelled' AND money.refunded > 0 AND money.paid - money.refunded < o."subTotalWithTax" + o."shippingWithTax"
            THEN 'partly_returned'
        WHEN o.state IN ('Modifying', 'ArrangingAdditionalPayment') THEN 'placed'
        WHEN o.state = 'PaymentAuthorized' THEN 'placed'
        WHEN o.state = 'PaymentSettled' THEN 'paid'
        WHEN o.state = 'PartiallyDelivered' THEN 'shipped'
        ELSE o.state
    END AS status,
    (o."subTotalWithTax" + o."shippingWithTax") / 100.0 AS total,
    o."shippingWithTax" / 100.0 AS shipping,
    o."currencyCode" AS currency,
    'web' AS channel,
    nullif(o."shippingAddress"::jsonb ->> 'countryCode', '') AS shipping_country,
    nullif(o."billingAddress"::jsonb ->> 'countryCode', '') AS billing_country,
    nullif(concat_ws(
        ' ', o."shippingAddress"::jsonb ->> 'streetLine1', o."shippingAddress"::jsonb ->> 'postalCode',
        o."shippingAddress"::jsonb ->> 'city'
    ), '') AS shipping_address,
    lower(trim(c."emailAddress")) AS email
FROM "order" AS o
LEFT JOIN customer AS c ON c.id = o."customerId"
LEFT JOIN person ON person.id = o."customerId"
LEFT JOIN (
    SELECT p."orderId", sum(p.amount) AS paid, sum(back.total) AS refunded
    FROM payment AS p
    LEFT JOIN (SELECT "paymentId", sum(total) AS total FROM refund WHERE state = 'Settled' GROUP BY "paymentId") AS back
        ON back."paymentId" = p.id
    WHERE p.state IN ('Authorized', 'Settled')
    GROUP BY p."orderId"
) AS money ON money."orderId" = o.id
WHERE o."orderPlacedAt" IS NOT NULL AND coalesce(o.type, 'Regular') <> 'Seller';

-- name: order_item
-- A line that was cancelled has no quantity left.
SELECT
    line.order_id,
    row_number() OVER (PARTITION BY line.order_id ORDER BY line.line_id) AS line_no,
    line.product_id,
    line.quantity,
    line.unit_price / 100 AS unit_price
FROM line
INNER JOIN "order" AS o ON o.id = line.order_id
WHERE line.quantity > 0 AND o."orderPlacedAt" IS NOT NULL AND coalesce(o.type, 'Regular') <> 'Seller';

-- name: order_outcome
SELECT h."orderId" AS order_id, 'cancelled' AS kind, max(h."createdAt") AT TIME ZONE 'UTC' AS known_at
FROM history_entry AS h
INNER JOIN "order" AS o ON o.id = h."orderId" AND o.state = 'Cancelled'
WHERE
    h.type = 'ORDER_STATE_TRANSITION' AND h.data::jsonb ->> 'to' = 'Cancelled' AND o."orderPlacedAt" IS NOT NULL
    AND coalesce(o.type, 'Regular') <> 'Seller'
GROUP BY h."orderId"
UNION ALL
SELECT h."orderId", 'ok', max(h."createdAt") AT TIME ZONE 'UTC'
FROM history_entry AS h
INNER JOIN "order" AS o ON o.id = h."orderId" AND o.state = 'Delivered'
WHERE
    h.type = 'ORDER_STATE_TRANSITION' AND h.data::jsonb ->> 'to' = 'Delivered' AND o."orderPlacedAt" IS NOT NULL
    AND coalesce(o.type, 'Regular') <> 'Seller'
GROUP BY h."orderId";

-- name: payment
SELECT p.id AS payment_id, p."orderId" AS order_id, p.method, p.amount / 100.0 AS amount, p."createdAt" AT TIME ZONE 'UTC' AS paid_at
FROM payment AS p
INNER JOIN "order" AS o ON o.id = p."orderId" AND o."orderPlacedAt" IS NOT NULL AND coalesce(o.type, 'Regular') <> 'Seller'
WHERE p.state IN ('Authorized', 'Settled');

-- name: stock
SELECT
    CASE WHEN $each THEN v.id ELSE v."productId" END AS product_id,
    max(s."updatedAt") AT TIME ZONE 'UTC' AS counted_at,
    sum(s."stockOnHand" - s."stockAllocated") AS quantity
FROM product_variant AS v
INNER JOIN stock_level AS s ON s."productVariantId" = v.id
WHERE v."deletedAt" IS NULL AND v.enabled
GROUP BY 1
HAVING bool_and(v."trackInventory" = 'TRUE');

-- name: cart
SELECT
    o.id AS cart_id,
    CASE WHEN $each THEN v.id ELSE v."productId" END AS product_id,
    max(person.customer_id) AS customer_id,
    sum(l.quantity) AS quantity,
    min(l."createdAt") AT TIME ZONE 'UTC' AS added_at,
    max(CASE WHEN o."orderPlacedAt" IS NOT NULL THEN o.id END) AS order_id
FROM "order" AS o
INNER JOIN order_line AS l ON l."orderId" = o.id
INNER JOIN product_variant AS v ON v.id = l."productVariantId"
LEFT JOIN person ON person.id = o."customerId"
WHERE coalesce(o.type, 'Regular') <> 'Seller'
GROUP BY 1, 2;

-- name: custom
SELECT c.relname::text AS place, a.attname::text AS field, 0 AS rows
FROM pg_catalog.pg_attribute AS a
INNER JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
WHERE
    c.oid IN ('"order"'::regclass, 'order_line'::regclass, 'product'::regclass, 'customer'::regclass)
    AND starts_with(a.attname, 'customFields') AND a.attname NOT LIKE '%fix_relational_custom_fields%' AND NOT a.attisdropped;
