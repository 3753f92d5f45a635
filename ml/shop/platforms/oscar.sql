-- django-oscar 3 and 4 -> the contract. Who bought is told by _people.sql.

-- name: account
SELECT id AS user_id, email, date_joined AS registered_at FROM auth_user;

-- name: buyer
SELECT guest_email AS email, date_placed AS bought_at FROM order_order;

-- name: shown
-- The product that a page shows: a child's parent.
SELECT id, CASE WHEN $each THEN id ELSE coalesce(parent_id, id) END AS product_id FROM catalogue_product;

-- name: product
SELECT
    p.id AS product_id,
    coalesce(nullif(p.title, ''), parent.title) AS title,
    coalesce(nullif(p.description, ''), parent.description) AS description,
    (
        SELECT c.name FROM catalogue_productcategory AS pc INNER JOIN catalogue_category AS c ON c.id = pc.category_id
        WHERE pc.product_id IN (p.id, parent.id)
        ORDER BY c.depth DESC, c.id
        LIMIT 1
    ) AS category,
    (
        SELECT min(s.price) FROM shown INNER JOIN partner_stockrecord AS s ON s.product_id = shown.id
        WHERE shown.product_id = p.id
    ) AS price,
    p.is_public AND coalesce(parent.is_public, true) AS active,
    p.date_created AS listed_at
FROM catalogue_product AS p
LEFT JOIN catalogue_product AS parent ON parent.id = p.parent_id
WHERE CASE WHEN $each THEN p.structure <> 'parent' ELSE p.parent_id IS NULL END;

-- name: order
SELECT
    o.id AS order_id,
    coalesce(person.customer_id, guest.customer_id) AS customer_id,
    o.date_placed AS ordered_at,
    CASE
        WHEN o.status IN ('', 'Pending') THEN 'placed'
        WHEN o.status = 'Being processed' THEN 'paid'
        ELSE o.status
    END AS status,
    o.total_incl_tax AS total,
    o.shipping_incl_tax AS shipping,
    o.currency,
    'web' AS channel,
    sent.country_id AS shipping_country,
    billed.country_id AS billing_country,
    nullif(concat_ws(' ', sent.line1, sent.postcode, sent.line4), '') AS shipping_address,
    coalesce(nullif(lower(trim(o.guest_email)), ''), person.address) AS email
FROM order_order AS o
LEFT JOIN person ON person.user_id = o.user_id
LEFT JOIN guest ON guest.address = lower(trim(o.guest_email))
LEFT JOIN order_shippingaddress AS sent ON sent.id = o.shipping_address_id
LEFT JOIN order_billingaddress AS billed ON billed.id = o.billing_address_id;

-- name: order_item
SELECT
    l.order_id,
    row_number() OVER (PARTITION BY l.order_id ORDER BY l.id) AS line_no,
    shown.product_id,
    l.quantity,
    l.line_price_incl_tax / nullif(l.quantity, 0) AS unit_price
FROM order_line AS l
LEFT JOIN shown ON shown.id = l.product_id;

-- name: order_outcome
SELECT o.id AS order_id, 'cancelled' AS kind, max(c.date_created) AS known_at
FROM order_order AS o
INNER JOIN order_orderstatuschange AS c ON c.order_id = o.id AND c.new_status = o.status
WHERE lower(o.status) IN ('cancelled', 'canceled')
GROUP BY o.id;

-- name: review
SELECT
    r.id AS review_id,
    shown.product_id,
    person.customer_id,
    r.score AS stars,
    r.title,
    r.body AS text,
    r.date_created AS written_at
FROM reviews_productreview AS r
LEFT JOIN shown ON shown.id = r.product_id
LEFT JOIN person ON person.user_id = r.user_id
WHERE r.status <> 2;

-- name: payment
SELECT
    s.id AS payment_id,
    s.order_id,
    t.code AS method,
    CASE WHEN s.amount_debited > 0 THEN s.amount_debited ELSE s.amount_allocated END AS amount
FROM payment_source AS s
INNER JOIN payment_sourcetype AS t ON t.id = s.source_type_id;

-- name: stock
-- Of a product whose class is counted: all its children, less what is allocated.
SELECT
    shown.product_id,
    max(s.date_updated) AS counted_at,
    sum(coalesce(s.num_in_stock, 0) - coalesce(s.num_allocated, 0)) AS quantity
FROM partner_stockrecord AS s
INNER JOIN shown ON shown.id = s.product_id
INNER JOIN catalogue_product AS p ON p.id = shown.product_id
LEFT JOIN catalogue_product AS parent ON parent.id = p.parent_id
INNER JOIN catalogue_productclass AS c ON c.id = coalesce(parent.product_class_id, p.product_class_id) AND c.track_stock
GROUP BY shown.product_id;

-- name: cart
SELECT
    b.id AS cart_id,
    shown.product_id,
    max(person.customer_id) AS customer_id,
    sum(l.quantity) AS quantity,
    min(l.date_created) AS added_at,
    max(o.id) AS order_id
FROM basket_basket AS b
INNER JOIN basket_line AS l ON l.basket_id = b.id
INNER JOIN shown ON shown.id = l.product_id
LEFT JOIN person ON person.user_id = b.owner_id
LEFT JOIN order_order AS o ON o.basket_id = b.id
GROUP BY b.id, shown.product_id;

-- name: coupon
SELECT id AS coupon_id, order_id, voucher_code AS code, amount AS discount
FROM order_orderdiscount
WHERE voucher_code <> '';

-- name: custom
SELECT 'product attribute' AS place, a.code AS field, count(*) AS rows
FROM catalogue_productattribute AS a
INNER JOIN catalogue_productattributevalue AS v ON v.attribute_id = a.id
GROUP BY a.code;
