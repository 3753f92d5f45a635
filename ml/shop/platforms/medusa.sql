-- Medusa 2 -> the contract. An edited order has its lines once per version: those of the order's own version count.

-- name: person
-- A guest and an account of one e-mail are one person: the account's id, else the first guest's.
SELECT
    id,
    coalesce(
        first_value(id) OVER (
            PARTITION BY lower(trim(email)) ORDER BY (deleted_at IS NULL) DESC, has_account DESC, created_at, id
        ),
        id
    ) AS customer_id
FROM customer
WHERE trim(email) <> ''
UNION ALL
SELECT id, id FROM customer WHERE coalesce(trim(email), '') = '';

-- name: line
-- What a line cost with its tax and without its discounts, as Medusa adds it up.
WITH tax AS (
    SELECT item_id, sum(rate) / 100 AS rate FROM order_line_item_tax_line WHERE deleted_at IS NULL GROUP BY item_id
)

SELECT
    i.order_id,
    i.id AS line_id,
    CASE WHEN $each THEN coalesce(l.variant_id, l.product_id) ELSE l.product_id END AS product_id,
    coalesce((i.raw_quantity ->> 'value')::numeric, i.quantity) AS quantity,
    i.return_received_quantity AS returned,
    coalesce((i.raw_unit_price ->> 'value')::numeric, i.unit_price, (l.raw_unit_price ->> 'value')::numeric, l.unit_price)
    * coalesce((i.raw_quantity ->> 'value')::numeric, i.quantity)
    * CASE WHEN l.is_tax_inclusive THEN 1 ELSE 1 + coalesce(tax.rate, 0) END
    - coalesce((
        SELECT sum(a.amount * CASE WHEN a.is_tax_inclusive THEN 1 ELSE 1 + coalesce(tax.rate, 0) END)
        FROM order_line_item_adjustment AS a
        WHERE a.item_id = l.id AND a.deleted_at IS NULL AND coalesce(a.version, o.version) = o.version
    ), 0) AS amount
FROM "order" AS o
INNER JOIN order_item AS i ON i.order_id = o.id AND i.version = o.version AND i.deleted_at IS NULL
INNER JOIN order_line_item AS l ON l.id = i.item_id
LEFT JOIN tax ON tax.item_id = l.id
WHERE o.deleted_at IS NULL;

-- name: carriage
WITH tax AS (
    SELECT shipping_method_id, sum(rate) / 100 AS rate
    FROM order_shipping_method_tax_line
    WHERE deleted_at IS NULL
    GROUP BY shipping_method_id
)

SELECT
    o.id AS order_id,
    sum(
        coalesce((m.raw_amount ->> 'value')::numeric, m.amount)
        * CASE WHEN m.is_tax_inclusive THEN 1 ELSE 1 + coalesce(tax.rate, 0) END
        - coalesce((
            SELECT sum(a.amount * (1 + coalesce(tax.rate, 0)))
            FROM order_shipping_method_adjustment AS a
            WHERE
                a.shipping_method_id = m.id AND a.deleted_at IS NULL AND coalesce(a.version, o.version) = o.version
        ), 0)
    ) AS amount
FROM "order" AS o
INNER JOIN order_shipping AS s
    ON s.order_id = o.id AND s.version = o.version AND s.deleted_at IS NULL AND s.return_id IS NULL
INNER JOIN order_shipping_method AS m ON m.id = s.shipping_method_id
LEFT JOIN tax ON tax.shipping_method_id = m.id
GROUP BY o.id;

-- name: customer
SELECT
    c.id AS customer_id,
    (SELECT min(other.created_at) FROM person AS p INNER JOIN customer AS other ON other.id = p.id WHERE p.customer_id = c.id)
        AS registered_at,
    lower(trim(c.email)) AS email
FROM customer AS c
INNER JOIN person AS p ON p.id = c.id AND p.customer_id = c.id
WHERE c.deleted_at IS NULL;

-- name: product
SELECT
    coalesce(one.id, p.id) AS product_id,
    CASE
        WHEN (SELECT count(*) FROM product_variant AS v WHERE v.product_id = p.id) > 1 THEN concat_ws(' ', p.title, one.title)
        ELSE p.title
    END AS title,
    p.description,
    (
        SELECT c.name FROM product_category_product AS pc
        INNER JOIN product_category AS c ON c.id = pc.product_category_id AND c.deleted_at IS NULL
        WHERE pc.product_id = p.id
        ORDER BY length(c.mpath) DESC, c.id
        LIMIT 1
    ) AS category,
    (
        SELECT min(a.amount) FROM product_variant AS v
        INNER JOIN product_variant_price_set AS s ON s.variant_id = v.id AND s.deleted_at IS NULL
        INNER JOIN price AS a ON a.price_set_id = s.price_set_id AND a.deleted_at IS NULL
        WHERE
            v.product_id = p.id AND (one.id IS NULL OR v.id = one.id) AND v.deleted_at IS NULL AND a.price_list_id IS NULL AND coalesce(a.rules_count, 0) = 0
            AND coalesce(a.min_quantity, 1) <= 1
            AND a.currency_code = (SELECT currency_code FROM store_currency WHERE is_default AND deleted_at IS NULL LIMIT 1)
    ) AS price,
    p.status::text = 'published' AND p.deleted_at IS NULL AND one.deleted_at IS NULL AND NOT coalesce(p.is_giftcard, false) AS active,
    p.created_at AS listed_at
FROM product AS p
LEFT JOIN product_variant AS one ON one.product_id = p.id AND $each
WHERE one.id IS NOT NULL OR NOT $each;

-- name: order
SELECT
    o.id AS order_id,
    person.customer_id,
    o.created_at AS ordered_at,
    CASE
        WHEN o.canceled_at IS NOT NULL THEN 'cancelled'
        WHEN o.is_draft_order THEN 'draft'
        WHEN back.returned > 0 AND back.kept <= 0 THEN 'returned'
        WHEN back.returned > 0 THEN 'partly_returned'
        WHEN o.status::text = 'pending' THEN 'placed'
        WHEN o.status::text = 'requires_action' THEN 'pending'
        WHEN o.status::text = 'archived' THEN 'delivered'
        ELSE o.status::text
    END AS status,
    coalesce(back.amount, 0) + coalesce(carriage.amount, 0) - coalesce((
        SELECT sum(c.amount) FROM order_credit_line AS c
        -- Of the checkout (gift cards, store credit); a refund makes one of a later version and leaves what was bought as it is.
        WHERE c.order_id = o.id AND c.deleted_at IS NULL AND coalesce(c.version, 1) <= 1
    ), 0) AS total,
    coalesce(carriage.amount, 0) AS shipping,
    upper(o.currency_code) AS currency,
    'web' AS channel,
    upper(sent.country_code) AS shipping_country,
    upper(billed.country_code) AS billing_country,
    nullif(concat_ws(' ', sent.address_1, sent.postal_code, sent.city), '') AS shipping_address,
    lower(trim(o.email)) AS email
FROM "order" AS o
LEFT JOIN person ON person.id = o.customer_id
LEFT JOIN (
    SELECT order_id, sum(amount) AS amount, sum(returned) AS returned, sum(quantity - coalesce(returned, 0)) AS kept
    FROM line
    GROUP BY order_id
) AS back ON back.order_id = o.id
LEFT JOIN carriage ON carriage.order_id = o.id
LEFT JOIN order_address AS sent ON sent.id = o.shipping_address_id
LEFT JOIN order_address AS billed ON billed.id = o.billing_address_id
WHERE o.deleted_at IS NULL;

-- name: order_item
SELECT
    order_id,
    row_number() OVER (PARTITION BY order_id ORDER BY line_id) AS line_no,
    product_id,
    quantity,
    amount / nullif(quantity, 0) AS unit_price
FROM line;

-- name: order_outcome
SELECT id AS order_id, 'cancelled' AS kind, canceled_at AS known_at
FROM "order"
WHERE canceled_at IS NOT NULL AND deleted_at IS NULL
UNION ALL
SELECT order_id, 'returned', min(received_at)
FROM "return"
WHERE received_at IS NOT NULL AND canceled_at IS NULL AND deleted_at IS NULL
GROUP BY order_id;

-- name: stock
-- Of a product that is counted: all its variants, at all places, less what is reserved.
SELECT
    CASE WHEN $each THEN v.id ELSE v.product_id END AS product_id,
    max(l.updated_at) AS counted_at,
    sum((l.stocked_quantity - coalesce(l.reserved_quantity, 0)) / greatest(coalesce(i.required_quantity, 1), 1)) AS quantity
FROM product_variant AS v
INNER JOIN product_variant_inventory_item AS i ON i.variant_id = v.id AND i.deleted_at IS NULL
INNER JOIN inventory_level AS l ON l.inventory_item_id = i.inventory_item_id AND l.deleted_at IS NULL
WHERE v.deleted_at IS NULL
GROUP BY 1
HAVING bool_and(v.manage_inventory AND NOT v.allow_backorder);

-- name: cart
SELECT
    c.id AS cart_id,
    CASE WHEN $each THEN coalesce(l.variant_id, l.product_id) ELSE l.product_id END AS product_id,
    max(person.customer_id) AS customer_id,
    sum(l.quantity) AS quantity,
    min(l.created_at) AS added_at,
    max(oc.order_id) AS order_id
FROM cart AS c
INNER JOIN cart_line_item AS l ON l.cart_id = c.id AND l.deleted_at IS NULL
LEFT JOIN person ON person.id = c.customer_id
LEFT JOIN order_cart AS oc ON oc.cart_id = c.id AND oc.deleted_at IS NULL
WHERE c.deleted_at IS NULL AND l.product_id IS NOT NULL
GROUP BY 1, 2;

-- name: custom
SELECT 'order.metadata' AS place, key AS field, count(*) AS rows FROM "order", jsonb_object_keys(metadata) AS key GROUP BY key
UNION ALL
SELECT 'product.metadata', key, count(*) FROM product, jsonb_object_keys(metadata) AS key GROUP BY key
UNION ALL
SELECT 'customer.metadata', key, count(*) FROM customer, jsonb_object_keys(metadata) AS key GROUP BY key;
