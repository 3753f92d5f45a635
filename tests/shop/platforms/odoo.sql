-- Odoo 17: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE ir_module_module (name varchar, latest_version varchar);
CREATE TABLE res_country (id integer, code varchar(2));
CREATE TABLE res_currency (id integer, name varchar);
CREATE TABLE res_partner (id integer, create_date timestamp, email varchar, country_id integer, customer_rank integer);
CREATE TABLE product_category (id integer, name varchar);
CREATE TABLE product_template (id integer, name jsonb, list_price numeric, active boolean, sale_ok boolean, categ_id integer,
create_date timestamp, description_sale jsonb, x_studio_season varchar);
CREATE TABLE product_product (id integer, product_tmpl_id integer, active boolean);
CREATE TABLE sale_order (id integer, partner_id integer, date_order timestamp, state varchar, amount_total numeric, currency_id integer,
currency_rate numeric, partner_shipping_id integer, partner_invoice_id integer, website_id integer, write_date timestamp,
create_date timestamp);
CREATE TABLE sale_order_line (id integer, order_id integer, sequence integer, product_id integer, product_uom_qty numeric,
price_unit numeric, display_type varchar, price_total numeric, is_delivery boolean, is_downpayment boolean);
CREATE TABLE stock_location (id integer, usage varchar);
CREATE TABLE stock_quant (product_id integer, location_id integer, quantity numeric, reserved_quantity numeric, write_date timestamp);

INSERT INTO ir_module_module VALUES ('base', '17.0.1.3'), ('sale', '17.0.1.2');
INSERT INTO res_country VALUES (1, 'FR');
INSERT INTO res_currency VALUES (1, 'EUR'), (2, 'USD');
INSERT INTO res_partner VALUES (1, '2026-10-03', 'Ann@mail.example', 1, 0), (2, '2026-10-20', 'ann@mail.example', 1, 1),
(3, '2026-10-02', 'ben@mail.example', 1, 1), (4, '2026-10-02', 'supplier@mail.example', 1, 0);
INSERT INTO product_category VALUES (1, 'Cups');
INSERT INTO product_template (id, name, list_price, active, sale_ok, categ_id, create_date) VALUES
(1, '{"en_US": "Blue cup", "fr_FR": "Tasse bleue"}', 12, true, true, 1, '2026-09-01'),
(2, '{"en_US": "Green tea"}', 6, true, true, 1, '2026-09-01'), (3, '{"fr_FR": "Chapeau"}', 20, false, true, 1, '2026-09-01'),
(4, '{"en_US": "Not yet"}', 9, true, false, 1, '2026-09-01'), (9, '{"en_US": "Courier"}', 4, true, true, 1, '2026-09-01');
INSERT INTO product_product VALUES (11, 1, true), (12, 1, true), (21, 2, true), (31, 3, false), (91, 9, true);
INSERT INTO sale_order VALUES (1, 1, '2026-10-03 10:00', 'sale', 28.8, 1, 1, 1, 1, 1, '2026-10-03', '2026-10-03'),
(2, 2, '2026-11-03 10:00', 'done', 40, 1, 1, 2, 2, null, '2026-11-03', '2026-11-03'),
(3, 3, '2026-11-04 10:00', 'cancel', 6, 1, 1, 3, 3, null, '2026-11-05', '2026-11-04'),
(4, 3, '2026-11-06 10:00', 'sale', 26, 2, 1.25, 3, 3, null, '2026-11-06', '2026-11-06'),
(5, 3, '2026-11-07 10:00', 'sent', 6, 1, 1, 3, 3, null, '2026-11-07', '2026-11-07');
-- Order 2 has a reward of 2 and a down payment, which is a line of no quantity.
INSERT INTO sale_order_line VALUES (12, 2, 13, 91, 1, -2, null, -2, false, null), (13, 2, 14, 91, 0, 9, null, 0, false, true);
INSERT INTO sale_order_line VALUES (1, 1, 10, 11, 2, 10, null, 18, false), (2, 1, 11, 21, 1, 5, null, 6, false),
(3, 1, 12, 91, 1, 4, null, 4.8, true), (4, 1, 0, null, 0, 0, 'line_section', 0, false), (5, 2, 10, 12, 3, 10, null, 36, false),
(6, 2, 11, 21, 1, 5, null, 6, false), (7, 2, 12, null, 0, 0, 'line_note', 0, false), (8, 3, 10, 21, 1, 5, null, 6, false),
(9, 4, 10, 31, 1, 20, null, 20, null), (10, 4, 11, 21, 1, 6, null, 6, false), (11, 5, 10, 21, 1, 6, null, 6, false);
INSERT INTO stock_location VALUES (1, 'internal'), (2, 'customer');
INSERT INTO stock_quant VALUES (11, 1, 4, 1, '2026-11-01'), (12, 1, 2, 0, '2026-11-01'), (11, 2, 9, 0, '2026-11-01');
