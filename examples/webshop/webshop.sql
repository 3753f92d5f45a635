-- A shop's own tables, as many a shop has them: bigint ids, local times without a zone, prices in cents, status codes.
-- Stands for yours. The rows at the end are a few of each, with the traps that views.sql deals with.

CREATE SCHEMA webshop;

CREATE TABLE webshop.account (
    id          bigint PRIMARY KEY,
    email       text NOT NULL,
    created     timestamp NOT NULL,             -- local time
    country     char(2) NOT NULL,
    is_trade    smallint NOT NULL DEFAULT 0,
    newsletter  smallint NOT NULL DEFAULT 0,
    forget_me   timestamp                       -- local time; the customer asked to be forgotten
);

CREATE TABLE webshop.category (
    id    integer PRIMARY KEY,
    name  text NOT NULL
);

CREATE TABLE webshop.article (
    id           bigint PRIMARY KEY,
    name         text NOT NULL,
    description  text,
    category_id  integer REFERENCES webshop.category,
    maker        text,
    cents        integer NOT NULL,
    online       smallint NOT NULL,
    created      timestamp NOT NULL
);

CREATE TABLE webshop.purchase (
    id              bigint PRIMARY KEY,
    account_id      bigint,                     -- null: guest; before 2024 guests had 0
    placed          timestamp NOT NULL,
    state           smallint NOT NULL,          -- 0 new, 10 paid, 20 sent, 30 delivered, 80 cancelled, 90 sent back
    total_cents     integer NOT NULL,
    shipping_cents  integer NOT NULL,
    source          text NOT NULL,              -- 'shop' or 'till'
    ship_country    char(2),
    ip              inet,
    imported        timestamp                   -- sales of the tills arrive the next morning
);

CREATE TABLE webshop.purchase_line (
    id           bigint PRIMARY KEY,
    purchase_id  bigint NOT NULL REFERENCES webshop.purchase,
    article_id   bigint NOT NULL,
    pieces       integer NOT NULL,
    cents        integer NOT NULL
);

CREATE TABLE webshop.state_change (
    purchase_id  bigint NOT NULL REFERENCES webshop.purchase,
    state        smallint NOT NULL,
    changed      timestamp NOT NULL
);

CREATE TABLE webshop.hit (
    id          bigint PRIMARY KEY,
    visit       uuid NOT NULL,
    account_id  bigint,
    action      text NOT NULL,                  -- 'detail', 'basket', 'list', 'login', …
    article_id  bigint,
    at          timestamp NOT NULL
);

CREATE TABLE webshop.rating (
    id          bigint PRIMARY KEY,
    article_id  bigint NOT NULL,
    account_id  bigint,
    points      smallint NOT NULL,              -- 1 to 10
    body        text,
    at          timestamp NOT NULL
);

INSERT INTO webshop.account VALUES
    (7, 'ada@example.org', '2024-01-05 09:00', 'FR', 0, 1, NULL),
    (8, 'bob@example.org', '2025-07-14 22:30', 'DE', 1, 0, NULL),
    (9, 'eve@example.org', '2025-08-01 12:00', 'FR', 0, 0, '2026-02-01 10:00');
INSERT INTO webshop.category VALUES (1, 'Tea'), (2, 'Pots');
INSERT INTO webshop.article VALUES
    (100, 'Green tea, 100 g', 'From Uji.', 1, 'Ippodo', 1250, 1, '2024-01-01 00:00'),
    (101, 'Cast iron pot', NULL, 2, 'Iwachu', 8900, 1, '2024-06-01 00:00'),
    (102, 'Gift card', NULL, NULL, NULL, 5000, 0, '2024-01-01 00:00');
INSERT INTO webshop.purchase VALUES
    (5001, 7, '2025-07-01 01:30', 30, 10640, 490, 'shop', 'FR', '192.0.2.7', NULL),
    (5002, 0, '2023-11-02 10:00', 30, 1740, 490, 'shop', 'FR', NULL, NULL),
    (5003, 8, '2026-01-10 17:45', 10, 2500, 0, 'till', NULL, NULL, '2026-01-11 06:00'),
    (5004, 9, '2026-01-12 08:00', 80, 9390, 490, 'shop', 'FR', '192.0.2.9', NULL);
INSERT INTO webshop.purchase_line VALUES
    (90001, 5001, 100, 1, 1250), (90002, 5001, 101, 1, 8900), (90003, 5002, 100, 1, 1250),
    (90004, 5003, 100, 2, 1250), (90005, 5004, 101, 1, 8900);
INSERT INTO webshop.state_change VALUES
    (5001, 10, '2025-07-01 01:31'), (5001, 30, '2025-07-04 11:00'), (5004, 80, '2026-01-12 09:15'),
    (5004, 80, '2026-01-12 09:16');
INSERT INTO webshop.hit VALUES
    (1, '00000000-0000-0000-0000-000000000001', 7, 'detail', 100, '2025-07-01 01:20'),
    (2, '00000000-0000-0000-0000-000000000001', 7, 'basket', 100, '2025-07-01 01:25'),
    (3, '00000000-0000-0000-0000-000000000002', NULL, 'detail', 101, '2026-01-10 10:00'),
    (4, '00000000-0000-0000-0000-000000000002', NULL, 'login', NULL, '2026-01-10 10:01');
INSERT INTO webshop.rating VALUES
    (31, 100, 7, 9, 'Fresh and strong 🍵', '2025-07-20 19:00');
