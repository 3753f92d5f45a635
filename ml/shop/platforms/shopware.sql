-- Shopware 6 -> the contract. Ids are hexadecimal digits, every column is text as MySQL gave it. Times are those of UTC.

-- name: spoken
-- The language that was chosen, else Shopware's own.
SELECT coalesce(
    (SELECT min(id) FROM language WHERE lower(name) = lower(nullif($language, ''))), '2fbb5fe2e29a4d70aa5854ce7ce3e20b'
) AS id;

-- name: shown
SELECT id, coalesce(parent_id, id) AS product_id FROM product;

-- name: person
-- Guests and accounts of one e-mail are one customer: an account first.
SELECT
    id,
    first_value(id) OVER (
        PARTITION BY coalesce(nullif(lower(trim(email)), ''), id) ORDER BY guest = '1', try_cast(created_at AS TIMESTAMP), id
    ) AS customer_id,
    nullif(lower(trim(email)), '') AS address,
    try_cast(created_at AS TIMESTAMP) AS registered_at
FROM customer;

-- name: buyer
SELECT
    oc.order_id,
    coalesce(person.customer_id, known.customer_id, sha256(nullif(lower(trim(oc.email)), ''))) AS customer_id,
    nullif(lower(trim(oc.email)), '') AS address,
    person.customer_id IS NULL AND known.customer_id IS NULL AS alone
FROM order_customer AS oc
LEFT JOIN person ON person.id = oc.customer_id
LEFT JOIN (SELECT address, min(customer_id) AS customer_id FROM person WHERE address IS NOT NULL GROUP BY address) AS known
    ON known.address = lower(trim(oc.email));

-- name: paid
-- The state of the last payment of each order.
SELECT t.order_id, arg_max(s.technical_name, (try_cast(t.created_at AS TIMESTAMP), t.id)) AS state
FROM order_transaction AS t
INNER JOIN state_machine_state AS s ON s.id = t.state_id
GROUP BY t.order_id;

-- name: line
-- The lines that are no part of another; a net order's are without tax, so its total decides. A promotion or credit is a line below 0:
-- it lies on the others by their amount.
SELECT
    l.*,
    try_cast(l.total_price AS DOUBLE) AS amount,
    sum(amount) OVER (PARTITION BY l.order_id) AS goods,
    try_cast(o.amount_total AS DOUBLE) / nullif(goods + coalesce(try_cast(o.shipping_total AS DOUBLE), 0), 0) AS factor,
    goods / nullif(sum(greatest(amount, 0)) OVER (PARTITION BY l.order_id), 0) AS share
FROM order_line_item AS l
INNER JOIN "order" AS o ON o.id = l.order_id
WHERE l.parent_id IS NULL;

-- name: customer
SELECT customer_id, min(registered_at) AT TIME ZONE 'UTC' AS registered_at, min(address) AS email FROM person GROUP BY customer_id
UNION ALL
SELECT b.customer_id, min(try_cast(o.order_date_time AS TIMESTAMP)) AT TIME ZONE 'UTC', min(b.address)
FROM buyer AS b
INNER JOIN "order" AS o ON o.id = b.order_id
WHERE b.alone AND b.customer_id IS NOT NULL
GROUP BY b.customer_id;

-- name: product
SELECT
    p.id AS product_id,
    (SELECT arg_max(t.name, t.language_id = (SELECT id FROM spoken)) FROM product_translation AS t WHERE t.product_id = p.id AND t.name IS NOT NULL)
        AS title,
    (SELECT arg_max(t.description, t.language_id = (SELECT id FROM spoken)) FROM product_translation AS t
        WHERE t.product_id = p.id AND t.description IS NOT NULL) AS description,
    (
        SELECT arg_max(t.name, (try_cast(c.level AS BIGINT), t.language_id = (SELECT id FROM spoken)))
        FROM product_category AS pc
        INNER JOIN category AS c ON c.id = pc.category_id
        INNER JOIN category_translation AS t ON t.category_id = c.id AND t.name IS NOT NULL
        WHERE pc.product_id = p.id
    ) AS category,
    (
        SELECT min(try_cast(json_extract_string(v.price, '$.*.gross')[1] AS DOUBLE))
        FROM shown INNER JOIN product AS v ON v.id = shown.id
        WHERE shown.product_id = p.id AND json_valid(v.price)
    ) AS price,
    coalesce(p.active, '1') = '1' AS active,
    try_cast(p.created_at AS TIMESTAMP) AT TIME ZONE 'UTC' AS listed_at
FROM product AS p
WHERE p.parent_id IS NULL;

-- name: order
SELECT
    o.id AS order_id,
    buyer.customer_id,
    try_cast(o.order_date_time AS TIMESTAMP) AT TIME ZONE 'UTC' AS ordered_at,
    CASE
        WHEN s.technical_name = 'cancelled' OR paid.state IN ('cancelled', 'failed') THEN 'cancelled'
        WHEN paid.state = 'refunded' THEN 'refunded'
        WHEN paid.state = 'refunded_partially' THEN 'partly_returned'
        WHEN paid.state = 'chargeback' THEN 'refunded'
        WHEN s.technical_name = 'completed' THEN 'delivered'
        WHEN s.technical_name IN ('open', 'in_progress') AND paid.state = 'unconfirmed' THEN 'pending'
        WHEN s.technical_name IN ('open', 'in_progress') AND paid.state IN ('paid', 'authorized') THEN 'paid'
        WHEN s.technical_name IN ('open', 'in_progress') THEN 'placed'
        ELSE s.technical_name
    END AS status,
    try_cast(o.amount_total AS DOUBLE) AS total,
    coalesce(try_cast(o.shipping_total AS DOUBLE), 0) * coalesce((SELECT max(factor) FROM line WHERE line.order_id = o.id), 1) AS shipping,
    currency.iso_code AS currency,
    1 / nullif(try_cast(o.currency_factor AS DOUBLE), 0) AS exchange_rate,
    'web' AS channel,
    buyer.address AS email
FROM "order" AS o
LEFT JOIN state_machine_state AS s ON s.id = o.state_id
LEFT JOIN paid ON paid.order_id = o.id
LEFT JOIN buyer ON buyer.order_id = o.id
LEFT JOIN currency ON currency.id = o.currency_id;

-- name: order_item
SELECT
    line.order_id,
    row_number() OVER (PARTITION BY line.order_id ORDER BY try_cast(line.position AS BIGINT), line.id) AS line_no,
    coalesce(shown.product_id, line.product_id) AS product_id,
    try_cast(line.quantity AS DOUBLE) AS quantity,
    line.amount * coalesce(line.factor, 1) * coalesce(line.share, 1) / nullif(try_cast(line.quantity AS DOUBLE), 0) AS unit_price
FROM line
LEFT JOIN shown ON shown.id = line.product_id
WHERE line.amount >= 0;

-- name: stock
-- Of products that end when they are sold out. Shopware does not say when it counted: now.
SELECT shown.product_id, now() AS counted_at, sum(try_cast(p.available_stock AS DOUBLE)) AS quantity
FROM product AS p
INNER JOIN shown ON shown.id = p.id
WHERE try_cast(p.available_stock AS DOUBLE) IS NOT NULL
GROUP BY shown.product_id
HAVING bool_and(p.is_closeout = '1');
