-- Magento 2.4: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE eav_entity_type (entity_type_id int, entity_type_code varchar(50));
CREATE TABLE eav_attribute (attribute_id int, attribute_code varchar(255), entity_type_id int);
CREATE TABLE customer_entity (entity_id int, email varchar(255), created_at timestamp);
CREATE TABLE catalog_product_entity (entity_id int, sku varchar(64), type_id varchar(32), created_at timestamp);
CREATE TABLE catalog_product_entity_varchar (attribute_id int, store_id int, entity_id int, value varchar(255));
CREATE TABLE catalog_product_entity_text (attribute_id int, store_id int, entity_id int, value mediumtext);
CREATE TABLE catalog_product_entity_int (attribute_id int, store_id int, entity_id int, value int);
CREATE TABLE catalog_product_entity_decimal (attribute_id int, store_id int, entity_id int, value decimal(20, 6));
CREATE TABLE catalog_category_product (category_id int, product_id int);
CREATE TABLE catalog_category_entity (entity_id int, level int);
CREATE TABLE catalog_category_entity_varchar (attribute_id int, store_id int, entity_id int, value varchar(255));
CREATE TABLE catalog_product_super_link (product_id int, parent_id int);
CREATE TABLE cataloginventory_stock_item (product_id int, qty decimal(12, 4), is_in_stock int, manage_stock int);
CREATE TABLE sales_order (entity_id int, state varchar(32), status varchar(32), customer_id int, customer_email varchar(128),
created_at timestamp, updated_at timestamp, base_grand_total decimal(20, 4), base_currency_code varchar(3),
base_shipping_amount decimal(20, 4), base_shipping_tax_amount decimal(20, 4), base_shipping_discount_amount decimal(20, 4),
base_shipping_discount_tax_compensation_amnt decimal(20, 4), base_total_refunded decimal(20, 4), remote_ip varchar(45));
CREATE TABLE sales_order_item (item_id int, order_id int, parent_item_id int, product_id int, qty_ordered decimal(12, 4),
base_row_total decimal(20, 4), base_tax_amount decimal(20, 4), base_discount_amount decimal(20, 4),
base_discount_tax_compensation_amount decimal(20, 4));
CREATE TABLE sales_order_address (parent_id int, address_type varchar(255), country_id varchar(2), street varchar(255), postcode varchar(255),
city varchar(255));
CREATE TABLE sales_order_payment (entity_id int, parent_id int, method varchar(128), base_amount_ordered decimal(20, 4));
INSERT INTO eav_entity_type VALUES (3, 'catalog_category'), (4, 'catalog_product');
INSERT INTO eav_attribute VALUES (45, 'name', 3), (73, 'name', 4), (77, 'price', 4), (97, 'status', 4);
INSERT INTO customer_entity VALUES (1, 'ann@mail.example', '2026-10-20 00:00:00'), (2, 'ben@mail.example', '2026-10-02 00:00:00');
INSERT INTO catalog_product_entity VALUES (1, 'CUP', 'configurable', '2026-09-01 00:00:00'), (11, 'CUP-L', 'simple', '2026-09-01 00:00:00'),
(2, 'TEA', 'simple', '2026-09-01 00:00:00'), (4, 'NEW', 'simple', '2026-09-01 00:00:00');
INSERT INTO catalog_product_super_link VALUES (11, 1);
INSERT INTO catalog_product_entity_varchar VALUES (73, 0, 1, 'Blue cup'), (73, 2, 1, 'Tasse bleue'), (73, 0, 11, 'Blue cup L'),
(73, 0, 2, 'Green tea'), (73, 0, 4, 'Not yet');
INSERT INTO catalog_product_entity_decimal VALUES (77, 0, 11, 12), (77, 0, 2, 6);
INSERT INTO catalog_product_entity_int VALUES (97, 0, 1, 1), (97, 0, 4, 2);
INSERT INTO catalog_category_entity VALUES (1, 1), (2, 2);
INSERT INTO catalog_category_entity_varchar VALUES (45, 0, 1, 'Root'), (45, 0, 2, 'Cups');
INSERT INTO catalog_category_product VALUES (1, 1), (2, 1);
INSERT INTO cataloginventory_stock_item VALUES (11, 5, 1, 1), (1, 0, 1, 1), (2, 0, 1, 0);
INSERT INTO sales_order VALUES
(1, 'processing', 'processing', null, 'Ann@mail.example', '2026-10-03 10:00:00', '2026-10-03 10:00:00', 28.8, 'EUR', 4, 0.8, 0, 0, null, null),
(2, 'complete', 'complete', 1, 'ann@mail.example', '2026-11-03 10:00:00', '2026-11-03 10:00:00', 42, 'EUR', 0, 0, 0, 0, null, null),
(3, 'canceled', 'canceled', 2, 'ben@mail.example', '2026-11-04 10:00:00', '2026-11-05 10:00:00', 6, 'EUR', 0, 0, 0, 0, null, null),
(4, 'complete', 'complete', 2, 'ben@mail.example', '2026-11-06 10:00:00', '2026-11-06 10:00:00', 26, 'EUR', 0, 0, 0, 0, 6, null),
(5, 'closed', 'closed', 2, 'ben@mail.example', '2026-11-07 10:00:00', '2026-11-07 10:00:00', 6, 'EUR', 0, 0, 0, 0, 6, null),
(6, 'engraving', 'engraving', null, 'cid@mail.example', '2026-11-08 10:00:00', '2026-11-08 10:00:00', 6, 'EUR', 0, 0, 0, 0, null, null);
-- The line of a configurable product has a line of its variant below it. The product of line 6 was deleted since.
INSERT INTO sales_order_item VALUES (1, 1, null, 1, 2, 20, 3, 5, 0), (2, 1, 1, 11, 2, 0, 0, 0, 0), (3, 1, null, 2, 1, 5, 1, 0, 0),
(4, 2, null, 1, 3, 36, 0, 0, 0), (5, 2, null, 2, 1, 6, 0, 0, 0), (6, 4, null, 3, 1, 20, 0, 0, 0), (7, 4, null, 2, 1, 6, 0, 0, 0),
(8, 3, null, 2, 1, 6, 0, 0, 0), (9, 5, null, 2, 1, 6, 0, 0, 0), (10, 6, null, 2, 1, 6, 0, 0, 0);
INSERT INTO sales_order_payment VALUES (1, 1, 'checkmo', 28.8);
