-- Odoo -> the contract. Times are in UTC, without a zone.

-- name: person
-- Partners of one e-mail are one customer: the first of them.
SELECT
    id,
    first_value(id) OVER (PARTITION BY coalesce(nullif(lower(trim(email)), ''), id::text) ORDER BY id) AS customer_id
FROM res_partner;

-- name: line
-- An order's lines without sections, notes and down payments; price_total has the tax and the discount. A reward or a discount is a
-- line below 0: it lies on the others by their amount, as `goods` of `sold`.
WITH l AS (
    SELECT *, coalesce(price_total, price_unit * product_uom_qty) AS amount, coalesce(is_delivery, false) AS delivery
    FROM sale_order_line
    WHERE display_type IS NULL AND NOT coalesce(is_downpayment, false) AND product_uom_qty <> 0
)

SELECT
    l.id,
    l.order_id,
    l.sequence,
    p.product_tmpl_id AS product_id,
    l.product_uom_qty AS quantity,
    l.amount,
    l.price_unit,
    l.delivery,
    sum(l.amount) FILTER (WHERE NOT l.delivery) OVER (PARTITION BY l.order_id) AS goods,
    sum(l.amount) FILTER (WHERE NOT l.delivery AND l.amount > 0) OVER (PARTITION BY l.order_id) AS sold
FROM l
LEFT JOIN product_product AS p ON p.id = l.product_id;

-- name: customer
SELECT
    c.id AS customer_id,
    c.create_date AT TIME ZONE 'UTC' AS registered_at,
    country.code AS country,
    nullif(lower(trim(c.email)), '') AS email
FROM res_partner AS c
LEFT JOIN res_country AS country ON country.id = c.country_id
WHERE
    c.id IN (SELECT customer_id FROM person WHERE id IN (SELECT partner_id FROM sale_order))
    OR (c.customer_rank > 0 AND c.id IN (SELECT customer_id FROM person));

-- name: product
SELECT
    t.id AS product_id,
    CASE
        WHEN jsonb_typeof(to_jsonb(t.name)) = 'object' THEN coalesce(
            to_jsonb(t.name) ->> nullif($language, ''),
            to_jsonb(t.name) ->> 'en_US',
            (SELECT value FROM jsonb_each_text(to_jsonb(t.name)) ORDER BY key LIMIT 1)
        )
        ELSE to_jsonb(t.name) #>> '{}'
    END AS title,
    CASE
        WHEN jsonb_typeof(to_jsonb(t.description_sale)) = 'object' THEN coalesce(
            to_jsonb(t.description_sale) ->> nullif($language, ''), to_jsonb(t.description_sale) ->> 'en_US'
        )
        ELSE to_jsonb(t.description_sale) #>> '{}'
    END AS description,
    CASE
        WHEN jsonb_typeof(to_jsonb(c.name)) = 'object'
            THEN coalesce(to_jsonb(c.name) ->> nullif($language, ''), to_jsonb(c.name) ->> 'en_US')
        ELSE to_jsonb(c.name) #>> '{}'
    END AS category,
    t.list_price AS price,
    coalesce(t.active, true) AND coalesce(t.sale_ok, true)
    AND t.id NOT IN (SELECT product_id FROM line WHERE delivery AND product_id IS NOT NULL) AS active,
    t.create_date AT TIME ZONE 'UTC' AS listed_at
FROM product_template AS t
LEFT JOIN product_category AS c ON c.id = t.categ_id;

-- name: order
SELECT
    o.id AS order_id,
    person.customer_id,
    o.date_order AT TIME ZONE 'UTC' AS ordered_at,
    CASE o.state
        WHEN 'sent' THEN 'draft'
        WHEN 'sale' THEN 'placed'
        WHEN 'done' THEN 'delivered'
        WHEN 'cancel' THEN 'cancelled'
        ELSE o.state
    END AS status,
    o.amount_total AS total,
    coalesce((SELECT sum(amount) FROM line WHERE line.order_id = o.id AND line.delivery), 0) AS shipping,
    currency.name AS currency,
    1 / nullif(o.currency_rate, 0) AS exchange_rate,
    CASE WHEN o.website_id IS NOT NULL THEN 'web' END AS channel,
    sent.code AS shipping_country,
    billed.code AS billing_country,
    nullif(lower(trim(partner.email)), '') AS email
FROM sale_order AS o
LEFT JOIN person ON person.id = o.partner_id
LEFT JOIN res_partner AS partner ON partner.id = o.partner_id
LEFT JOIN res_currency AS currency ON currency.id = o.currency_id
LEFT JOIN res_partner AS sent_to ON sent_to.id = o.partner_shipping_id
LEFT JOIN res_country AS sent ON sent.id = sent_to.country_id
LEFT JOIN res_partner AS billed_to ON billed_to.id = o.partner_invoice_id
LEFT JOIN res_country AS billed ON billed.id = billed_to.country_id;

-- name: order_item
SELECT
    order_id,
    row_number() OVER (PARTITION BY order_id ORDER BY sequence, id) AS line_no,
    product_id,
    quantity,
    coalesce(amount / quantity, price_unit) * coalesce(goods / nullif(sold, 0), 1) AS unit_price
FROM line
WHERE NOT delivery AND amount >= 0;

-- name: order_outcome
SELECT id AS order_id, 'cancelled' AS kind, write_date AT TIME ZONE 'UTC' AS known_at
FROM sale_order
WHERE state = 'cancel' AND write_date IS NOT NULL;

-- name: stock
SELECT
    p.product_tmpl_id AS product_id,
    max(q.write_date) AT TIME ZONE 'UTC' AS counted_at,
    sum(q.quantity - coalesce(q.reserved_quantity, 0)) AS quantity
FROM stock_quant AS q
INNER JOIN stock_location AS l ON l.id = q.location_id AND l.usage = 'internal'
INNER JOIN product_product AS p ON p.id = q.product_id
GROUP BY p.product_tmpl_id;

-- name: custom
SELECT c.relname::text AS place, a.attname::text AS field, 0 AS rows
FROM pg_catalog.pg_attribute AS a
INNER JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
WHERE
    c.relname IN ('sale_order', 'sale_order_line', 'product_template', 'res_partner') AND c.relkind = 'r'
    AND starts_with(a.attname, 'x_') AND NOT a.attisdropped;

-- name: release
SELECT latest_version FROM ir_module_module WHERE name = 'base';
