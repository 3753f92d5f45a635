-- Saleor 3.20: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE account_user (id integer, email varchar(254), date_joined timestamptz);
CREATE TABLE account_address (id integer, country varchar(2), street_address_1 varchar(256), postal_code varchar(20), city varchar(256));
CREATE TABLE channel_channel (id integer, slug varchar(255), currency_code varchar(3), is_active boolean);
CREATE TABLE product_category (id integer, name varchar(250));
CREATE TABLE product_product (id integer, name varchar(250), description jsonb, category_id integer, created_at timestamptz,
metadata jsonb);
CREATE TABLE product_productchannellisting (product_id integer, channel_id integer, is_published boolean, published_at timestamptz);
CREATE TABLE product_productvariant (id integer, product_id integer, track_inventory boolean);
CREATE TABLE product_productvariantchannellisting (variant_id integer, channel_id integer, price_amount numeric(12, 3));
CREATE TABLE order_order (id uuid, created_at timestamptz, status varchar(32), user_id integer, user_email varchar(254),
currency varchar(3), total_gross_amount numeric(12, 3), shipping_price_gross_amount numeric(12, 3), shipping_address_id integer,
billing_address_id integer, metadata jsonb);
CREATE TABLE order_orderline (id uuid, order_id uuid, variant_id integer, quantity integer, unit_price_gross_amount numeric(12, 3),
total_price_gross_amount numeric(12, 3), created_at timestamptz);
CREATE TABLE order_orderevent (order_id uuid, type varchar(255), date timestamptz);
CREATE TABLE warehouse_stock (product_variant_id integer, quantity integer, quantity_allocated integer);

INSERT INTO account_user VALUES (1, 'ann@mail.example', '2026-10-20Z'), (2, 'ben@mail.example', '2026-10-02Z');
INSERT INTO account_address VALUES (1, 'DE', 'Hauptstraße 1', '10115', 'Berlin');
INSERT INTO channel_channel VALUES (1, 'eu', 'EUR', true), (2, 'us', 'USD', true);
INSERT INTO product_category VALUES (1, 'Cups');
INSERT INTO product_product VALUES
(1, 'Blue cup', '{"blocks": [{"data": {"text": "A cup"}}, {"data": {"text": "of clay."}}]}', 1, '2026-09-01Z', '{"erp": "7"}'),
(2, 'Green tea', null, null, '2026-09-01Z', '{}'), (4, 'Not yet', '{}', 1, '2026-09-01Z', '{}');
-- Product 4 is published, but not yet.
INSERT INTO product_productchannellisting (product_id, channel_id, is_published, published_at) VALUES (1, 1, true, '2026-09-01Z'),
(1, 2, false, null), (2, 1, true, null), (4, 1, false, null), (4, 2, true, '2099-01-01Z');
INSERT INTO product_productvariant VALUES (11, 1, true), (12, 1, true), (21, 2, false);
INSERT INTO product_productvariantchannellisting VALUES (11, 1, 12), (11, 2, 9), (12, 1, 15);
INSERT INTO order_order VALUES
('00000000-0000-0000-0000-00000000000a', '2026-10-03 10:00Z', 'unfulfilled', null, 'Ann@mail.example', 'EUR', 28.8, 4.8, 1, 1, '{}'),
('00000000-0000-0000-0000-00000000000b', '2026-11-03 10:00Z', 'fulfilled', 1, 'ann@mail.example', 'EUR', 42, 0, 1, 1, '{}'),
('00000000-0000-0000-0000-00000000000c', '2026-11-04 10:00Z', 'canceled', 2, 'ben@mail.example', 'EUR', 6, 0, 1, 1, '{}'),
('00000000-0000-0000-0000-00000000000d', '2026-11-06 10:00Z', 'partially_returned', 2, 'ben@mail.example', 'EUR', 26, 0, 1, 1, '{}'),
('00000000-0000-0000-0000-00000000000e', '2026-11-07 10:00Z', 'draft', 2, 'ben@mail.example', 'EUR', 6, 0, 1, 1, '{}');
-- The variant of the line of 20 was deleted since.
INSERT INTO order_orderline (id, order_id, variant_id, quantity, unit_price_gross_amount, total_price_gross_amount)
SELECT gen_random_uuid(), ('00000000-0000-0000-0000-00000000000' || o)::uuid, v, q, t / q, t FROM (VALUES
('a', 11, 2, 18), ('a', 21, 1, 6), ('b', 12, 3, 36), ('b', 21, 1, 6), ('c', 21, 1, 6), ('d', null, 1, 20), ('d', 21, 1, 6), ('e', 21, 1, 6)
) AS line (o, v, q, t);
INSERT INTO order_orderevent VALUES ('00000000-0000-0000-0000-00000000000c', 'canceled', '2026-11-05Z'),
('00000000-0000-0000-0000-00000000000c', 'placed', '2026-11-04 10:00Z');
INSERT INTO warehouse_stock VALUES (11, 5, 1), (12, 2, 1), (21, 0, 0);
