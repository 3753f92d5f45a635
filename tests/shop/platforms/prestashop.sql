-- PrestaShop 8: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE ps_configuration (name varchar(254), value text);
CREATE TABLE ps_lang (id_lang int, iso_code varchar(2));
CREATE TABLE ps_currency (id_currency int, iso_code varchar(3));
CREATE TABLE ps_country (id_country int, iso_code varchar(3));
CREATE TABLE ps_address (id_address int, id_country int, address1 varchar(128), postcode varchar(12), city varchar(64));
CREATE TABLE ps_customer (id_customer int, email varchar(255), date_add datetime, is_guest tinyint, deleted tinyint);
CREATE TABLE ps_product (id_product int, price decimal(20, 6), active tinyint, date_add datetime, id_category_default int, id_manufacturer int,
visibility varchar(7), state int);
CREATE TABLE ps_product_lang (id_product int, id_lang int, name varchar(128), description text);
CREATE TABLE ps_category_lang (id_category int, id_lang int, name varchar(128));
CREATE TABLE ps_manufacturer (id_manufacturer int, name varchar(64));
CREATE TABLE ps_stock_available (id_product int, id_product_attribute int, quantity int, out_of_stock tinyint);
CREATE TABLE ps_orders (id_order int, id_customer int, id_currency int, conversion_rate decimal(13, 6), current_state int,
total_paid_tax_incl decimal(20, 6), total_shipping_tax_incl decimal(20, 6), total_wrapping_tax_incl decimal(20, 6), date_add datetime,
id_address_delivery int, id_address_invoice int, payment varchar(255));
CREATE TABLE ps_order_detail (id_order_detail int, id_order int, product_id int, product_quantity int, total_price_tax_incl decimal(20, 6));
CREATE TABLE ps_order_state (id_order_state int, paid tinyint, shipped tinyint, module_name varchar(255));
CREATE TABLE ps_order_state_lang (id_order_state int, id_lang int, name varchar(64));
CREATE TABLE ps_order_history (id_order int, id_order_state int, date_add datetime);
INSERT INTO ps_configuration VALUES ('PS_OS_CANCELED', '6'), ('PS_OS_DELIVERED', '5'), ('PS_OS_BANKWIRE', '10'), ('PS_OS_REFUND', '7'),
('PS_LANG_DEFAULT', '1'), ('PS_TIMEZONE', 'Europe/Paris'), ('PS_VERSION_DB', '8.1.0'), ('SECRET', 'x');
INSERT INTO ps_lang VALUES (1, 'en'), (2, 'fr');
INSERT INTO ps_currency VALUES (1, 'EUR'), (2, 'USD');
INSERT INTO ps_country VALUES (8, 'FR');
INSERT INTO ps_address VALUES (1, 8, '1 rue Haute', '75001', 'Paris');
INSERT INTO ps_customer VALUES (1, 'Ann@mail.example', '2026-10-03 12:00:00', 1, 0), (2, 'ann@mail.example', '2026-10-20 12:00:00', 0, 0),
(3, 'ben@mail.example', '0000-00-00 00:00:00', 0, 0);
INSERT INTO ps_product VALUES (1, 12, 1, '2026-09-01 00:00:00', 3, 1, 'both', 1), (2, 6, 1, '2026-09-01 00:00:00', 3, 0, 'catalog', 1),
(4, 9, 1, '2026-09-01 00:00:00', 3, 0, 'none', 1);
INSERT INTO ps_product_lang VALUES (1, 1, 'Blue cup', ''), (1, 2, 'Tasse bleue', ''), (2, 1, 'Green tea', ''), (4, 1, 'Not yet', '');
INSERT INTO ps_category_lang VALUES (3, 1, 'Cups');
INSERT INTO ps_manufacturer VALUES (1, 'Potter');
INSERT INTO ps_stock_available VALUES (1, 0, 5, 2), (1, 7, 5, 2), (2, 0, 0, 1);
INSERT INTO ps_order_state VALUES (2, 1, 0, ''), (4, 1, 1, ''), (5, 1, 1, ''), (6, 0, 0, ''), (10, 0, 0, 'ps_wirepayment'), (21, 0, 0, ''), (22, 1, 0, '');
INSERT INTO ps_order_state_lang VALUES (21, 1, 'Being engraved'), (22, 1, 'Paid and gift wrapped');
INSERT INTO ps_orders VALUES (1, 1, 1, 1, 2, 28.8, 4.8, 0, '2026-10-03 12:00:00', 1, 1, 'Card'),
(2, 2, 1, 1, 5, 40, 0, 0, '2026-11-03 11:00:00', 1, 1, 'Card'), (3, 3, 1, 1, 6, 6, 0, 0, '2026-11-04 11:00:00', 1, 1, 'Wire'),
(4, 3, 2, 1.25, 4, 26, 0, 0, '2026-11-06 11:00:00', 1, 1, 'Card'), (5, 3, 1, 1, 10, 6, 0, 0, '2026-11-07 11:00:00', 1, 1, 'Wire'),
(6, 3, 1, 1, 21, 6, 0, 0, '2026-11-08 11:00:00', 1, 1, 'Card'), (7, 3, 1, 1, 22, 6, 0, 0, '2026-11-09 11:00:00', 1, 1, 'Card');
INSERT INTO ps_order_detail VALUES (1, 1, 1, 2, 18), (2, 1, 2, 1, 6), (3, 2, 1, 3, 36), (4, 2, 2, 1, 6), (5, 3, 2, 1, 6), (6, 4, 3, 1, 20),
(7, 4, 2, 1, 6), (8, 5, 2, 1, 6), (9, 6, 2, 1, 6), (10, 7, 2, 1, 6);
INSERT INTO ps_order_history VALUES (3, 10, '2026-11-04 11:00:00'), (3, 6, '2026-11-05 11:00:00'), (2, 5, '2026-11-05 11:00:00');
