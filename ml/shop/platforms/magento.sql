-- Magento 2 -> the contract. Every column is text as MySQL gave it. Times are those of UTC.

-- name: attribute
SELECT a.attribute_id, a.attribute_code AS code, t.entity_type_code AS of_type
FROM eav_attribute AS a
INNER JOIN eav_entity_type AS t ON t.entity_type_id = a.entity_type_id;

-- name: fact
-- Of the default scope, store 0.
SELECT v.entity_id, a.code, v.value
FROM (
    SELECT attribute_id, store_id, entity_id, value FROM catalog_product_entity_varchar
    UNION ALL
    SELECT attribute_id, store_id, entity_id, value FROM catalog_product_entity_text
    UNION ALL
    SELECT attribute_id, store_id, entity_id, value FROM catalog_product_entity_int
    UNION ALL
    SELECT attribute_id, store_id, entity_id, value FROM catalog_product_entity_decimal
) AS v
INNER JOIN attribute AS a ON a.attribute_id = v.attribute_id AND a.of_type = 'catalog_product'
WHERE v.store_id = '0' AND a.code IN ('name', 'description', 'price', 'status', 'visibility', 'manufacturer');

-- name: shown
-- A variant counts as its configurable product.
SELECT p.entity_id AS id, coalesce(min(l.parent_id), p.entity_id) AS product_id
FROM catalog_product_entity AS p
LEFT JOIN catalog_product_super_link AS l ON l.product_id = p.entity_id
GROUP BY p.entity_id;

-- name: person
SELECT
    entity_id AS id,
    first_value(entity_id) OVER (
        PARTITION BY coalesce(nullif(lower(trim(email)), ''), entity_id) ORDER BY try_cast(entity_id AS BIGINT)
    ) AS customer_id,
    nullif(lower(trim(email)), '') AS address,
    try_cast(created_at AS TIMESTAMP) AS registered_at
FROM customer_entity;

-- name: guest
-- A guest is the account of that e-mail, else known by its SHA-256.
SELECT
    o.address,
    coalesce(min(p.customer_id), sha256(o.address)) AS customer_id,
    bool_and(p.customer_id IS NULL) AS alone,
    min(o.created_at) AS first_order
FROM (
    SELECT nullif(lower(trim(customer_email)), '') AS address, try_cast(created_at AS TIMESTAMP) AS created_at FROM sales_order
) AS o
LEFT JOIN person AS p ON p.address = o.address
WHERE o.address IS NOT NULL
GROUP BY o.address;

-- name: customer
SELECT customer_id, min(registered_at) AT TIME ZONE 'UTC' AS registered_at, min(address) AS email FROM person GROUP BY customer_id
UNION ALL
SELECT customer_id, first_order AT TIME ZONE 'UTC', address FROM guest WHERE alone;

-- name: product
SELECT
    p.entity_id AS product_id,
    (SELECT max(value) FROM fact WHERE entity_id = p.entity_id AND code = 'name') AS title,
    (SELECT max(value) FROM fact WHERE entity_id = p.entity_id AND code = 'description') AS description,
    (
        SELECT arg_max(n.value, try_cast(c.level AS BIGINT))
        FROM catalog_category_product AS cp
        INNER JOIN catalog_category_entity AS c ON c.entity_id = cp.category_id
        INNER JOIN catalog_category_entity_varchar AS n ON n.entity_id = c.entity_id AND n.store_id = '0'
        INNER JOIN attribute AS a ON a.attribute_id = n.attribute_id AND a.code = 'name' AND a.of_type = 'catalog_category'
        WHERE cp.product_id = p.entity_id
    ) AS category,
    (
        SELECT min(try_cast(f.value AS DOUBLE)) FROM shown INNER JOIN fact AS f ON f.entity_id = shown.id AND f.code = 'price'
        WHERE shown.product_id = p.entity_id
    ) AS price,
    coalesce((SELECT max(value) FROM fact WHERE entity_id = p.entity_id AND code = 'status'), '1') = '1' AS active,
    try_cast(p.created_at AS TIMESTAMP) AT TIME ZONE 'UTC' AS listed_at
FROM catalog_product_entity AS p
INNER JOIN shown AS own ON own.id = p.entity_id AND own.product_id = p.entity_id;

-- name: order
SELECT
    o.entity_id AS order_id,
    coalesce(own.customer_id, guest.customer_id) AS customer_id,
    try_cast(o.created_at AS TIMESTAMP) AT TIME ZONE 'UTC' AS ordered_at,
    CASE
        WHEN o.state IN ('processing', 'complete') AND try_cast(o.base_total_refunded AS DOUBLE) > 0 THEN 'partly_returned'
        WHEN o.state = 'new' THEN 'placed'
        WHEN o.state = 'processing' THEN 'paid'
        WHEN o.state = 'complete' THEN 'delivered'
        WHEN o.state = 'closed' THEN 'refunded'
        WHEN o.state IN ('pending_payment', 'payment_review', 'holded') THEN 'pending'
        ELSE coalesce(o.state, o.status)
    END AS status,
    try_cast(o.base_grand_total AS DOUBLE) AS total,
    coalesce(try_cast(o.base_shipping_amount AS DOUBLE), 0) + coalesce(try_cast(o.base_shipping_tax_amount AS DOUBLE), 0)
    - coalesce(try_cast(o.base_shipping_discount_amount AS DOUBLE), 0)
    + coalesce(try_cast(o.base_shipping_discount_tax_compensation_amnt AS DOUBLE), 0) AS shipping,
    o.base_currency_code AS currency,
    'web' AS channel,
    sent.country_id AS shipping_country,
    billed.country_id AS billing_country,
    nullif(concat_ws(' ', sent.street, sent.postcode, sent.city), '') AS shipping_address,
    nullif(lower(trim(o.customer_email)), '') AS email,
    o.remote_ip AS ip
FROM sales_order AS o
LEFT JOIN person AS own ON own.id = o.customer_id
LEFT JOIN guest ON guest.address = lower(trim(o.customer_email))
LEFT JOIN sales_order_address AS sent ON sent.parent_id = o.entity_id AND sent.address_type = 'shipping'
LEFT JOIN sales_order_address AS billed ON billed.parent_id = o.entity_id AND billed.address_type = 'billing';

-- name: order_item
-- A line of a chosen variant or part of a bundle stands below the line that has its price.
SELECT
    i.order_id,
    row_number() OVER (PARTITION BY i.order_id ORDER BY try_cast(i.item_id AS BIGINT)) AS line_no,
    coalesce(shown.product_id, i.product_id) AS product_id,
    try_cast(i.qty_ordered AS DOUBLE) AS quantity,
    (
        try_cast(i.base_row_total AS DOUBLE) + coalesce(try_cast(i.base_tax_amount AS DOUBLE), 0)
        - coalesce(try_cast(i.base_discount_amount AS DOUBLE), 0)
        + coalesce(try_cast(i.base_discount_tax_compensation_amount AS DOUBLE), 0)
    ) / nullif(try_cast(i.qty_ordered AS DOUBLE), 0) AS unit_price
FROM sales_order_item AS i
LEFT JOIN shown ON shown.id = i.product_id
WHERE i.parent_item_id IS NULL;

-- name: order_outcome
SELECT entity_id AS order_id, 'cancelled' AS kind, try_cast(updated_at AS TIMESTAMP) AT TIME ZONE 'UTC' AS known_at
FROM sales_order
WHERE state = 'canceled' AND try_cast(updated_at AS TIMESTAMP) IS NOT NULL;

-- name: payment
SELECT entity_id AS payment_id, parent_id AS order_id, method, try_cast(base_amount_ordered AS DOUBLE) AS amount
FROM sales_order_payment
WHERE try_cast(base_amount_ordered AS DOUBLE) IS NOT NULL;

-- name: review
SELECT
    r.review_id,
    coalesce(shown.product_id, r.entity_pk_value) AS product_id,
    person.customer_id,
    (SELECT round(avg(try_cast(value AS DOUBLE)))::BIGINT FROM rating_option_vote AS v WHERE v.review_id = r.review_id) AS stars,
    d.title,
    d.detail AS text,
    try_cast(r.created_at AS TIMESTAMP) AT TIME ZONE 'UTC' AS written_at
FROM review AS r
INNER JOIN review_detail AS d ON d.review_id = r.review_id
LEFT JOIN shown ON shown.id = r.entity_pk_value
LEFT JOIN person ON person.id = d.customer_id
WHERE r.status_id = '1';

-- name: stock
-- Magento does not say when it counted: now.
SELECT
    shown.product_id,
    now() AS counted_at,
    sum(CASE WHEN s.is_in_stock = '1' THEN try_cast(s.qty AS DOUBLE) ELSE 0 END) AS quantity
FROM cataloginventory_stock_item AS s
INNER JOIN shown ON shown.id = s.product_id
INNER JOIN catalog_product_entity AS p ON p.entity_id = s.product_id AND p.type_id NOT IN ('configurable', 'bundle', 'grouped')
GROUP BY shown.product_id
HAVING bool_and(coalesce(s.manage_stock, '1') = '1');
