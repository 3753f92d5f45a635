// A real Vendure, filled through its own services, and what was done as JSON: node vendure_shop.js URL SCHEMA ORDERS FILE.
// What an order should say is what Vendure's services answer, computed from its entities, not its tables.
const { writeFileSync } = require('fs');
const core = require('@vendure/core');
const { populateInitialData } = require('@vendure/core/cli');

const [url, schema, count, file] = process.argv.slice(2); // of a script that requires this one, the same
const [people, goods] = [Math.max(6, Math.floor(count / 5)), Math.max(8, Math.floor(count / 8))];
let seed = 7;
const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor((seed / 2147483648) * n); };
const config = {
    apiOptions: { port: 0, hostname: '127.0.0.1', adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
    authOptions: { tokenMethod: ['bearer'], superadminCredentials: { identifier: 'superadmin', password: 'superadmin' }, cookieOptions: { secret: 'x' } },
    dbConnectionOptions: { type: 'postgres', ...require('./database.js')(url), schema, synchronize: true, logging: false },
    paymentOptions: { paymentMethodHandlers: [core.dummyPaymentHandler] },
    customFields: { Order: [{ name: 'giftNote', type: 'string', nullable: true }] },
    logger: new core.DefaultLogger({ level: core.LogLevel.Error }),
    plugins: [],
};
const initial = {
    defaultLanguage: 'en', defaultZone: 'Europe', taxRates: [{ name: 'Standard', percentage: 20 }],
    shippingMethods: [{ name: 'Parcel', price: 400, taxRate: 20 }],
    paymentMethods: [{ name: 'Dummy', handler: { code: 'dummy-payment-handler', arguments: [{ name: 'automaticSettle', value: 'true' }] } }],
    countries: [{ name: 'Germany', code: 'DE', zone: 'Europe' }], collections: [], roles: [],
};
const sure = (result) => { if (result && result.errorCode) throw new Error(JSON.stringify(result)); return result; };

async function main() {
    const app = await core.bootstrap(config);
    await populateInitialData(app, initial);
    const ctx = await app.get(core.RequestContextService).create({ apiType: 'admin' });
    const orders = app.get(core.OrderService);
    const customers = app.get(core.CustomerService);
    const taxes = await app.get(core.TaxCategoryService).findAll(ctx);
    const did = { orders: {}, products: {}, stock: {} };
    const variants = [];
    const kinds = ['Clay cup', 'Green tea', 'Linen towel'];
    for (let n = 0; n < goods; n++) {
        const name = `${kinds[n % kinds.length]} ${n}`;
        const product = await app.get(core.ProductService).create(ctx, { enabled: n !== goods - 1, translations: [
            { languageCode: 'de', name: `Ding ${n}`, slug: `ding-${n}`, description: '' },
            { languageCode: 'en', name, slug: `thing-${n}`, description: `${name}, made by hand.` },
        ] });
        did.products[product.id] = { title: name, active: n !== goods - 1 };
        const [variant] = await app.get(core.ProductVariantService).create(ctx, [{
            productId: product.id, sku: `s${n}`, price: 250 + random(5000), taxCategoryId: taxes.items[0].id, stockOnHand: 100000,
            trackInventory: 'TRUE', translations: [{ languageCode: 'en', name }],
        }]);
        if (n !== goods - 1) variants.push([variant.id, product.id]);
    }
    sure(await app.get(core.PromotionService).createPromotion(ctx, {
        enabled: true, couponCode: 'TEN', translations: [{ languageCode: 'en', name: 'Ten' }], conditions: [],
        actions: [{ code: 'order_percentage_discount', arguments: [{ name: 'discount', value: '10' }] }],
    }));
    const methods = await app.get(core.ShippingMethodService).findAll(ctx);
    // The shop's own work on a placed order: called off, changed, sent, or money given back. What it is then in the contract's words.
    const goOn = async (ctx, n, orderId) => {
        const order = await orders.findOne(ctx, orderId);
        const { id: paymentId, amount: paid } = (await orders.getOrderPayments(ctx, orderId))[0];
        const change = async (lines, refunds) => {
            sure(await orders.transitionToState(ctx, orderId, 'Modifying'));
            return sure(await orders.modifyOrder(ctx, { dryRun: false, orderId, adjustOrderLines: lines, ...(refunds && { refund: refunds }) }));
        };
        // A refund is a promise until somebody settles it.
        const settle = async () => {
            for (const refund of await orders.getPaymentRefunds(ctx, paymentId)) {
                if (refund.state !== 'Settled') sure(await orders.settleRefund(ctx, { id: refund.id, transactionId: 'by hand' }));
            }
        };
        const giveBack = async (amount) => {
            sure(await orders.refundOrder(ctx, { lines: [], shipping: 0, adjustment: 0, amount, paymentId, reason: 'not as shown' }));
            await settle();
        };
        const [first] = order.lines;
        switch (n % 7) {
            case 1: {
                const sent = sure(await orders.createFulfillment(ctx, {
                    lines: order.lines.map((line) => ({ orderLineId: line.id, quantity: line.quantity })),
                    handler: { code: 'manual-fulfillment', arguments: [{ name: 'method', value: 'Parcel' }, { name: 'trackingCode', value: '' }] },
                }));
                for (const state of ['Shipped', 'Delivered']) sure(await orders.transitionFulfillmentToState(ctx, sent.id, state));
                return 'delivered';
            }
            case 2: // a piece less, and its money back: sold as it is now
                if (first.quantity < 2) return 'paid';
                await change([{ orderLineId: first.id, quantity: first.quantity - 1 }], { paymentId, reason: 'one too many' });
                await settle();
                sure(await orders.transitionToState(ctx, orderId, 'PaymentSettled'));
                return 'paid';
            case 3:
                sure(await orders.cancelOrder(ctx, { orderId, reason: 'changed mind' }));
                return 'cancelled';
            case 4:
                await change([{ orderLineId: first.id, quantity: first.quantity + 2 }]);
                sure(await orders.transitionToState(ctx, orderId, 'ArrangingAdditionalPayment'));
                return 'placed';
            case 5:
                await giveBack(paid);
                return 'refunded';
            case 6:
                await giveBack(100);
                return 'partly_returned';
            default:
                return 'paid';
        }
    };
    const place = async (ctx, n) => {
        const email = `Person${n % people}@mail.example`;
        // One person opens an account after having bought as a guest.
        if (n === 20) sure(await customers.registerCustomerAccount(ctx, { emailAddress: email, password: 'a long password' }));
        const person = sure(await customers.createOrUpdate(ctx, { emailAddress: email, firstName: 'A', lastName: 'B' }));
        let order = await orders.create(ctx);
        for (let i = 0; i <= random(3); i++) sure(await orders.addItemToOrder(ctx, order.id, variants[random(variants.length)][0], 1 + random(4)));
        if (n % 4 === 0) sure(await orders.applyCouponCode(ctx, order.id, 'TEN'));
        if (n % 10 === 9) return; // stays a cart
        await orders.addCustomerToOrder(ctx, order.id, person);
        await orders.setShippingAddress(ctx, order.id, { streetLine1: 'Street 1', countryCode: 'DE', city: 'Berlin', postalCode: '10115' });
        sure(await orders.setShippingMethod(ctx, order.id, [methods.items[0].id]));
        sure(await orders.transitionToState(ctx, order.id, 'ArrangingPayment'));
        sure(await orders.addPaymentToOrder(ctx, order.id, { method: 'dummy', metadata: {} }));
        const status = await goOn(ctx, n, order.id);
        const all = await orders.findOne(ctx, order.id);
        const product = Object.fromEntries(variants);
        did.orders[order.id] = {
            email: email.toLowerCase(), status, total: all.totalWithTax / 100, shipping: all.shippingWithTax / 100,
            lines: all.lines.filter((l) => l.quantity > 0).map((l) => [Number(product[l.productVariant.id]), l.quantity, l.proratedLinePriceWithTax / 100]),
        };
    };
    for (let n = 0; n < Number(count); n++) await app.get(core.TransactionalConnection).withTransaction(ctx, (inner) => place(inner, n));
    const gone = variants[0][1];
    await app.get(core.ProductService).softDelete(ctx, gone);
    did.products[gone].active = false;
    writeFileSync(file, JSON.stringify(did));
    await app.close();
    process.exit(0);
}
module.exports = { config, sure };
if (require.main === module) main().catch((error) => { console.error(error); process.exit(1); });
