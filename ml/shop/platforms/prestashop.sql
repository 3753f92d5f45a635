-- PrestaShop -> the contract. Every column is text as MySQL gave it; a zero date is none. Times are those of PS_TIMEZONE.

-- name: zone
SELECT coalesce((SELECT max(value) FROM configuration WHERE name = 'PS_TIMEZONE'), 'UTC') AS name;

-- name: language
SELECT coalesce(
    (SELECT min(id_lang) FROM lang WHERE iso_code = nullif($language, '')),
    (SELECT max(value) FROM configuration WHERE name = 'PS_LANG_DEFAULT')
) AS id;

-- name: state
SELECT
    s.id_order_state AS id,
    CASE
        WHEN s.id_order_state IN (SELECT value FROM configuration WHERE name IN ('PS_OS_CANCELED', 'PS_OS_ERROR')) THEN 'cancelled'
        WHEN s.id_order_state IN (SELECT value FROM configuration WHERE name = 'PS_OS_REFUND') THEN 'refunded'
        WHEN s.id_order_state IN (SELECT value FROM configuration WHERE name = 'PS_OS_DELIVERED') THEN 'delivered'
        WHEN s.shipped = '1' THEN 'shipped'
        WHEN s.paid = '1' THEN 'paid'
        WHEN s.id_order_state IN (SELECT value FROM configuration WHERE name = 'PS_OS_COD_VALIDATION') THEN 'placed'
        WHEN s.id_order_state IN (SELECT value FROM configuration WHERE name LIKE 'PS_OS_%') THEN 'pending'
        ELSE (SELECT arg_max(l.name, l.id_lang = (SELECT id FROM language)) FROM order_state_lang AS l WHERE l.id_order_state = s.id_order_state)
    END AS status
FROM order_state AS s;

-- name: person
-- Guests and accounts of one e-mail are one customer: an account first.
SELECT
    id_customer AS id,
    first_value(id_customer) OVER (
        PARTITION BY coalesce(nullif(lower(trim(email)), ''), id_customer)
        ORDER BY deleted = '1', is_guest = '1', try_cast(id_customer AS BIGINT)
    ) AS customer_id,
    nullif(lower(trim(email)), '') AS address,
    try_cast(date_add AS TIMESTAMP) AS added
FROM customer;

-- name: placed
SELECT
    o.*,
    try_cast(o.total_paid_tax_incl AS DOUBLE) AS total,
    coalesce(try_cast(o.total_shipping_tax_incl AS DOUBLE), 0) + coalesce(try_cast(o.total_wrapping_tax_incl AS DOUBLE), 0) AS shipping,
    sum(try_cast(d.total_price_tax_incl AS DOUBLE)) AS goods
FROM orders AS o
LEFT JOIN order_detail AS d ON d.id_order = o.id_order
GROUP BY ALL;

-- name: customer
SELECT
    customer_id,
    timezone((SELECT name FROM zone), min(added)) AS registered_at,
    min(address) AS email
FROM person
GROUP BY customer_id;

-- name: product
SELECT
    p.id_product AS product_id,
    (SELECT arg_max(l.name, l.id_lang = (SELECT id FROM language)) FROM product_lang AS l WHERE l.id_product = p.id_product) AS title,
    (SELECT arg_max(l.description, l.id_lang = (SELECT id FROM language)) FROM product_lang AS l WHERE l.id_product = p.id_product)
        AS description,
    (SELECT arg_max(l.name, l.id_lang = (SELECT id FROM language)) FROM category_lang AS l WHERE l.id_category = p.id_category_default)
        AS category,
    m.name AS brand,
    try_cast(p.price AS DOUBLE) AS price,
    p.active = '1' AND coalesce(p.visibility, 'both') <> 'none' AND coalesce(p.state, '1') = '1' AS active,
    timezone((SELECT name FROM zone), try_cast(p.date_add AS TIMESTAMP)) AS listed_at
FROM product AS p
LEFT JOIN manufacturer AS m ON m.id_manufacturer = p.id_manufacturer;

-- name: order
SELECT
    o.id_order AS order_id,
    person.customer_id,
    timezone((SELECT name FROM zone), try_cast(o.date_add AS TIMESTAMP)) AS ordered_at,
    CASE WHEN o.current_state = '0' THEN 'pending' ELSE coalesce(state.status, o.current_state) END AS status,
    o.total,
    o.shipping,
    currency.iso_code AS currency,
    1 / nullif(try_cast(o.conversion_rate AS DOUBLE), 0) AS exchange_rate,
    'web' AS channel,
    sent_country.iso_code AS shipping_country,
    billed_country.iso_code AS billing_country,
    nullif(concat_ws(' ', sent.address1, sent.postcode, sent.city), '') AS shipping_address,
    person.address AS email
FROM placed AS o
LEFT JOIN person ON person.id = o.id_customer
LEFT JOIN state ON state.id = o.current_state
LEFT JOIN currency ON currency.id_currency = o.id_currency
LEFT JOIN address AS sent ON sent.id_address = o.id_address_delivery
LEFT JOIN country AS sent_country ON sent_country.id_country = sent.id_country
LEFT JOIN address AS billed ON billed.id_address = o.id_address_invoice
LEFT JOIN country AS billed_country ON billed_country.id_country = billed.id_country;

-- name: order_item
SELECT
    d.id_order AS order_id,
    row_number() OVER (PARTITION BY d.id_order ORDER BY try_cast(d.id_order_detail AS BIGINT)) AS line_no,
    d.product_id,
    try_cast(d.product_quantity AS DOUBLE) AS quantity,
    try_cast(d.total_price_tax_incl AS DOUBLE) / nullif(try_cast(d.product_quantity AS DOUBLE), 0)
    * coalesce((o.total - o.shipping) / nullif(o.goods, 0), 1) AS unit_price
FROM order_detail AS d
INNER JOIN placed AS o ON o.id_order = d.id_order;

-- name: order_outcome
SELECT
    h.id_order AS order_id,
    CASE state.status WHEN 'refunded' THEN 'returned' ELSE 'cancelled' END AS kind,
    timezone((SELECT name FROM zone), max(try_cast(h.date_add AS TIMESTAMP))) AS known_at
FROM order_history AS h
INNER JOIN orders AS o ON o.id_order = h.id_order AND o.current_state = h.id_order_state
INNER JOIN state ON state.id = h.id_order_state AND state.status IN ('cancelled', 'refunded')
GROUP BY ALL
HAVING max(try_cast(h.date_add AS TIMESTAMP)) IS NOT NULL;

-- name: stock
-- Of products that are not sold without stock. PrestaShop does not say when it counted: now.
SELECT id_product AS product_id, now() AS counted_at, try_cast(quantity AS DOUBLE) AS quantity
FROM stock_available
WHERE id_product_attribute = '0' AND out_of_stock <> '1' AND try_cast(quantity AS DOUBLE) IS NOT NULL;

-- name: release
SELECT value FROM configuration WHERE name = 'PS_VERSION_DB';
