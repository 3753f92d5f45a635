// A real EverShop, migrated by its own migrations and filled through its own services: node evershop_shop.js URL SCHEMA ORDERS FILE.
// What an order should say is what the cart of its checkout answers, before anything is kept.
const { existsSync, writeFileSync } = require('fs');
const { join } = require('path');
const { pathToFileURL } = require('url');
const database = require('./database.js');

const [url, schema, count, file] = process.argv.slice(2);
const [people, goods] = [Math.max(6, Math.floor(count / 5)), Math.max(8, Math.floor(count / 8))];
let seed = 7;
const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor((seed / 2147483648) * n); };
const dist = join(__dirname, 'node_modules', '@evershop', 'evershop', 'dist');
const part = (path) => import(pathToFileURL(join(dist, path)));
const service = async (path) => (await part(`modules/${path}.js`)).default;

const { host, port, username, password, database: name } = database(url);
Object.assign(process.env, {
    DB_HOST: host, DB_PORT: String(port), DB_USER: username, DB_PASSWORD: password, DB_NAME: name, DB_SSLMODE: 'disable', PGOPTIONS: `-c search_path=${schema}`, NODE_ENV: 'production',
    ALLOW_CONFIG_MUTATIONS: 'true', SUPPRESS_NO_CONFIG_WARNING: '1', SUPPRESS_STRICTNESS_CHECK: '1',
    NODE_CONFIG: JSON.stringify({ shop: { currency: 'EUR', timezone: 'UTC' }, system: { cod: { status: 1 }, stripe: { status: 1 } } }),
});

/** Call a route of EverShop's API as its server does, without the network between. */
async function api(module, route, handler, body, params = {}) {
    let status = 200;
    let said;
    const response = { status(code) { status = code; return response; }, json(value) { said = value; return response; }, set $body(value) { said = value; } };
    await (await service(`${module}/api/${route}/${handler}`))({ body, params }, response, () => {});
    if (status >= 400 || said?.error) throw new Error(`${route}: ${JSON.stringify(said)}`);
    return said.data;
}

async function main() {
    const modules = (await part('bin/lib/loadModules.js')).getCoreModules();
    (await part('bin/lib/app.js')).createApp(); // its routes; nothing listens
    for (const module of modules) {
        if (existsSync(join(module.path, 'bootstrap.js'))) await (await part('bin/lib/bootstrap/bootstrap.js')).loadBootstrapScript(module, {});
    }
    await (await part('bin/lib/bootstrap/migrate.js')).migrate(modules);
    const checkout = await part('modules/checkout/services/index.js');
    const oms = await part('modules/oms/services/index.js');
    const createProduct = await service('catalog/services/product/createProduct');
    const createCustomer = await service('customer/services/customer/createCustomer');
    const { getConnection } = await part('lib/postgres/connection.js');
    const rows = async (sql, values) => {
        const connection = await getConnection();
        try { return (await connection.query(sql, values)).rows; } finally { connection.release(); }
    };

    const tax = await api('tax', 'createTaxClass', 'createTaxClass', { name: 'Standard' });
    await api('tax', 'createTaxRate', 'createTaxRate', { name: 'VAT', country: 'DE', province: '*', postcode: '*', rate: 20, is_compound: 0, priority: 0 }, { class_id: tax.uuid });
    const zone = await api('checkout', 'createShippingZone', 'createShippingZone', { name: 'Germany', countries: ['DE'] });
    const method = await api('checkout', 'createCoreShippingMethod', 'createCoreShippingMethod', { name: 'Parcel' });
    await api('checkout', 'createCoreShippingRate', 'createCoreShippingRate', { method_id: method.uuid, zone_id: zone.uuid, cost: 4 });
    const [{ attribute_group_id: group }] = await rows('SELECT attribute_group_id FROM attribute_group ORDER BY 1 LIMIT 1');
    const [{ package_id: parcel }] = await rows('SELECT package_id FROM package ORDER BY 1 LIMIT 1');
    const category = await (await service('catalog/services/category/createCategory'))({
        name: 'Cups', description: [], status: 1, meta_title: 'Cups', meta_description: 'Cups', url_key: 'cups', include_in_nav: 1, show_products: 1,
    }, {});
    await (await service('promotion/services/coupon/createCoupon'))({
        coupon: 'TEN', status: 1, description: 'Ten', discount_amount: 10, discount_type: 'percentage_discount_to_entire_order',
        condition: { order_total: '', order_qty: '', required_products: [] }, user_condition: { groups: [], emails: [], purchased: 0 }, target_products: { maxQty: '', products: [] },
    }, {});

    let placed;
    checkout.hookBeforeSaveOrder((cart) => { placed = cart; });
    const did = { orders: {}, products: {}, stock: {} };
    const buyable = [];
    for (let n = 0; n < goods; n++) {
        const product = await createProduct({
            name: `Thing ${n}`, url_key: `thing-${n}`, sku: `s${n}`, price: (250 + random(5000)) / 100, qty: 100000, status: n === goods - 1 ? 0 : 1, visibility: 1,
            manage_stock: 1, stock_availability: 1, group_id: group, category_id: category.insertId, tax_class: tax.insertId, package_id: parcel, weight: 1,
            description: [{ id: 'r', size: 1, columns: [{ id: 'c', size: 1, data: { blocks: [{ type: 'paragraph', data: { text: `A thing, number ${n}.` } }] } }] }],
        }, {});
        const id = product.insertId ?? product.product_id;
        did.products[id] = { title: `Thing ${n}`, description: `A thing, number ${n}.`, active: n !== goods - 1, category: 'Cups' };
        if (n !== goods - 1) buyable.push(id);
    }
    const address = { full_name: 'A B', telephone: '1', address_1: 'Street 1', city: 'Berlin', postcode: '10115', country: 'DE', province: 'DE-BE' };

    const accounts = {};
    const open = async (n, email) => {
        const made = await createCustomer({ email, password: 'a long password 1', full_name: `Person ${n}` }, {});
        const [person] = await rows('SELECT customer_id, email, group_id, full_name FROM customer WHERE email = $1', [made.email ?? email]);
        accounts[email] = person;
    };
    // The shop's own work on a placed order; what it is then in the contract's words.
    const goOn = async (n, orderId, uuid) => {
        const pay = (status) => oms.updatePaymentStatus(orderId, status);
        const send = async () => {
            const lines = await rows('SELECT order_item_id, qty FROM order_item WHERE order_item_order_id = $1', [orderId]);
            const { shipment } = await oms.createShipment(uuid, { carrier: 'custom', items: lines.map((line) => ({ order_item_id: line.order_item_id, qty: line.qty })), notifyCustomer: false });
            return shipment;
        };
        switch (n % 7) {
            case 1: // paid in cash when it came
                await api('cod', 'codCapturePayment', '[bodyParser]capture', { order_id: uuid });
                return 'paid';
            case 2: {
                const shipment = await send();
                await oms.markDelivered(shipment.uuid);
                return 'delivered';
            }
            case 3:
                await oms.cancelOrder(uuid, 'changed mind');
                return 'cancelled';
            case 4: // a card: what EverShop's own webhook does when the money has come
                await pay('stripe_captured');
                return 'paid';
            case 5: // and what its refund does
                await pay('stripe_captured');
                await pay('stripe_refunded');
                return 'refunded';
            case 6:
                await pay('stripe_captured');
                await pay('stripe_partial_refunded');
                return 'partly_returned';
            default:
                return n % 14 === 0 ? 'placed' : 'pending'; // on delivery; or a card whose money has not come
        }
    };
    const card = (n) => [4, 5, 6].includes(n % 7) || (n % 7 === 0 && n % 14 !== 0);
    const place = async (n) => {
        const email = `person${n % people}@mail.example`;
        // Three people open an account after having bought as guests.
        if (n >= 12 && n % people < 3 && !accounts[email]) await open(n, email);
        const cart = await checkout.createNewCart(`session-${n}`, accounts[email] ?? {});
        for (let i = 0; i <= random(3); i++) await checkout.addCartItem(cart, buyable[random(buyable.length)], 1 + random(4), {});
        if (n % 4 === 0) await cart.setData('coupon', 'TEN');
        await checkout.saveCart(cart);
        if (n % 10 === 9) return; // stays a cart
        const paying = card(n) ? 'stripe' : 'cod';
        const uuid = cart.getData('uuid');
        const order = await checkout.checkout(uuid, {
            customer: { id: accounts[email]?.customer_id, email: accounts[email] ? email : email.toUpperCase(), fullName: `Person ${n % people}` },
            shippingAddress: { ...address }, billingAddress: { ...address }, paymentMethod: paying, shippingMethod: method.uuid, shippingProvider: 'core',
        }, {});
        const orderId = order.insertId ?? order.order_id;
        const status = await goOn(n, orderId, order.uuid);
        did.orders[orderId] = {
            email, status, total: Number(placed.getData('grand_total')), shipping: Number(placed.getData('shipping_fee_incl_tax')),
            lines: placed.getItems().map((item) => [Number(item.getData('product_id')), Number(item.getData('qty')), Number(item.getData('line_total_with_discount_incl_tax'))]),
        };
    };
    for (let n = 0; n < Number(count); n++) await place(n);
    const [{ uuid: gone }] = await rows('SELECT uuid FROM product WHERE product_id = $1', [buyable[0]]);
    await (await service('catalog/services/product/deleteProduct'))(gone, {});
    delete did.products[buyable[0]];
    writeFileSync(file, JSON.stringify(did));
    process.exit(0);
}
main().catch((error) => { console.error(error); process.exit(1); });
