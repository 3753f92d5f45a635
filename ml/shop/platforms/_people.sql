-- Who bought, on Postgres: from a platform's `account` (user_id, email, registered_at) and `buyer` (email, bought_at) of its orders.

-- name: person
-- Accounts of one e-mail are one customer: the first of them.
SELECT
    user_id,
    first_value(user_id) OVER (PARTITION BY coalesce(nullif(lower(trim(email)), ''), user_id::text) ORDER BY user_id)::text AS customer_id,
    nullif(lower(trim(email)), '') AS address
FROM account;

-- name: guest
-- A guest is the account of that e-mail, else known by its SHA-256.
SELECT
    o.address,
    coalesce(min(p.customer_id), encode(sha256(convert_to(o.address, 'UTF8')), 'hex')) AS customer_id,
    bool_and(p.customer_id IS NULL) AS alone,
    min(o.bought_at) AS first_order
FROM (SELECT lower(trim(email)) AS address, bought_at FROM buyer WHERE trim(email) <> '') AS o
LEFT JOIN person AS p ON p.address = o.address
GROUP BY o.address;

-- name: customer
SELECT p.customer_id, min(a.registered_at) AS registered_at, min(p.address) AS email
FROM account AS a
INNER JOIN person AS p ON p.user_id = a.user_id
GROUP BY p.customer_id
UNION ALL
SELECT customer_id, first_order, address FROM guest WHERE alone;
