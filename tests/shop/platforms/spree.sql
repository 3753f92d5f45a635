-- Spree 4.10: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE spree_users (id bigint, email varchar, created_at timestamp(6), deleted_at timestamp(6));
CREATE TABLE spree_addresses (id bigint, address1 varchar, zipcode varchar, city varchar, country_id bigint);
CREATE TABLE spree_countries (id bigint, iso varchar);
CREATE TABLE spree_products (id bigint, name varchar, description text, available_on timestamp, deleted_at timestamp, created_at timestamp(6),
discontinue_on timestamp, status varchar);
CREATE TABLE spree_product_translations (spree_product_id bigint, name varchar, description text, locale varchar);
CREATE TABLE spree_variants (id bigint, product_id bigint, is_master boolean, deleted_at timestamp, track_inventory boolean);
CREATE TABLE spree_prices (variant_id bigint, amount numeric(10, 2), currency varchar, deleted_at timestamp);
CREATE TABLE spree_stock_items (variant_id bigint, count_on_hand integer, backorderable boolean, deleted_at timestamp, updated_at timestamp(6));
CREATE TABLE spree_taxons (id bigint, name varchar, depth integer);
CREATE TABLE spree_products_taxons (product_id bigint, taxon_id bigint);
CREATE TABLE spree_orders (id bigint, state varchar, total numeric(10, 2), user_id bigint, completed_at timestamp, email varchar,
currency varchar, shipment_state varchar, payment_state varchar, canceled_at timestamp, ship_address_id bigint, bill_address_id bigint,
last_ip_address varchar, channel varchar, created_at timestamp(6));
CREATE TABLE spree_line_items (id bigint, order_id bigint, variant_id bigint, quantity integer, price numeric(10, 2),
adjustment_total numeric(10, 2), created_at timestamp(6));
CREATE TABLE spree_shipments (id bigint, order_id bigint, cost numeric(10, 2), adjustment_total numeric(10, 2), state varchar);

INSERT INTO spree_users VALUES (1, 'ann@mail.example', '2026-10-20'), (2, 'ben@mail.example', '2026-10-02');
INSERT INTO spree_products (id, name, status, created_at, deleted_at) VALUES (1, 'Blue cup', 'active', '2026-09-01', null),
(2, '', 'active', '2026-09-01', null), (3, 'Red hat', 'active', '2026-09-01', '2026-11-20'), (4, 'Not yet', 'draft', '2026-09-01', null);
INSERT INTO spree_product_translations VALUES (2, 'Green tea', '', 'en'), (2, 'Thé vert', '', 'fr');
INSERT INTO spree_variants VALUES (10, 1, true, null, true), (11, 1, false, null, true), (20, 2, true, null, false),
(30, 3, true, '2026-11-20', true);
INSERT INTO spree_prices VALUES (10, 12, 'EUR'), (10, 9, 'USD'), (11, 11, 'EUR');
INSERT INTO spree_stock_items VALUES (10, 0, false, null, '2026-11-01'), (11, 5, false, null, '2026-11-01'), (20, 0, true, null, '2026-11-01');
INSERT INTO spree_taxons VALUES (1, 'Kitchen', 1), (2, 'Cups', 2);
INSERT INTO spree_products_taxons VALUES (1, 1), (1, 2);
INSERT INTO spree_orders (id, state, total, user_id, completed_at, email, currency, shipment_state, payment_state, canceled_at) VALUES
(1, 'complete', 28.8, null, '2026-10-03 10:00', 'Ann@mail.example', 'EUR', 'ready', 'paid', null),
(2, 'complete', 40, 1, '2026-11-03 10:00', 'ann@mail.example', 'EUR', 'shipped', 'paid', null),
(3, 'canceled', 6, 2, '2026-11-04 10:00', 'ben@mail.example', 'EUR', 'canceled', 'void', '2026-11-05'),
(4, 'complete', 26, 2, '2026-11-06 10:00', 'ben@mail.example', 'EUR', 'ready', 'balance_due', null),
(5, 'payment', 6, 2, null, 'ben@mail.example', 'EUR', null, null, null),
(6, 'melting', 6, null, '2026-11-08 10:00', 'cid@mail.example', 'EUR', null, null, null);
-- Line 1: two cups at 10 less 5 and with 20 % of tax; order 2 has 2 off as a whole.
INSERT INTO spree_line_items (id, order_id, variant_id, quantity, price, adjustment_total) VALUES (1, 1, 11, 2, 10, -2), (2, 1, 20, 1, 6, 0),
(3, 2, 11, 3, 12, 0), (4, 2, 20, 1, 6, 0), (5, 3, 20, 1, 6, 0), (6, 4, 30, 1, 20, 0), (7, 4, 20, 1, 6, 0), (8, 5, 20, 1, 6, 0),
(9, 6, 20, 1, 6, 0);
UPDATE spree_line_items SET created_at = '2026-10-03 09:50';
INSERT INTO spree_shipments VALUES (1, 1, 4, 0.8, 'ready'), (2, 2, 0, 0, 'shipped'), (3, 1, 9, 0, 'canceled');
