// A real Medusa 2, filled through its own workflows, and what was done as JSON: npx medusa exec ./medusa_fill.js ORDERS FILE.
// What an order should say is what Medusa's own query answers, not its tables.
const { writeFileSync } = require('fs');
const { Modules, ContainerRegistrationKeys } = require('@medusajs/framework/utils');
const flows = require('@medusajs/medusa/core-flows');

let seed = 7;
const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor((seed / 2147483648) * n); };

module.exports.default = async function fill({ container, args: [count, file] }) {
    const [people, goods] = [Math.max(6, Math.floor(count / 5)), Math.max(8, Math.floor(count / 8))];
    const query = container.resolve(ContainerRegistrationKeys.QUERY);
    const link = container.resolve(ContainerRegistrationKeys.LINK);
    const run = async (name, input) => (await flows[`${name}Workflow`](container).run({ input })).result;
    const [store] = await container.resolve(Modules.STORE).listStores();
    const [channel] = await run('createSalesChannels', { salesChannelsData: [{ name: 'Web' }] });
    await run('updateStores', { selector: { id: store.id }, update: { supported_currencies: [{ currency_code: 'eur', is_default: true }], default_sales_channel_id: channel.id } });
    const [region] = await run('createRegions', { regions: [{ name: 'Europe', currency_code: 'eur', countries: ['de'], payment_providers: ['pp_system_default'], is_tax_inclusive: true }] });
    await run('createTaxRegions', [{ country_code: 'de', provider_id: 'tp_system', default_tax_rate: { rate: 20, code: 'vat', name: 'VAT' } }]);
    const [location] = await run('createStockLocations', { locations: [{ name: 'House', address: { city: 'Berlin', country_code: 'DE', address_1: 'Street 1' } }] });
    await link.create({ [Modules.STOCK_LOCATION]: { stock_location_id: location.id }, [Modules.FULFILLMENT]: { fulfillment_provider_id: 'manual_manual' } });
    const fulfillment = container.resolve(Modules.FULFILLMENT);
    const [profile] = await run('createShippingProfiles', { data: [{ name: 'Default', type: 'default' }] });
    const set = await fulfillment.createFulfillmentSets({ name: 'Parcels', type: 'shipping', service_zones: [{ name: 'Germany', geo_zones: [{ country_code: 'de', type: 'country' }] }] });
    await link.create({ [Modules.STOCK_LOCATION]: { stock_location_id: location.id }, [Modules.FULFILLMENT]: { fulfillment_set_id: set.id } });
    const option = (name, amount, isReturn) => ({
        name, price_type: 'flat', provider_id: 'manual_manual', service_zone_id: set.service_zones[0].id, shipping_profile_id: profile.id,
        type: { label: name, description: name, code: name.toLowerCase() }, prices: [{ currency_code: 'eur', amount }],
        rules: [{ attribute: 'enabled_in_store', value: 'true', operator: 'eq' }, { attribute: 'is_return', value: `${isReturn}`, operator: 'eq' }],
    });
    const [parcel, sentBack] = await run('createShippingOptions', [option('Parcel', 4, false), option('Return', 0, true)]);
    await run('linkSalesChannelsToStockLocation', { id: location.id, add: [channel.id] });
    const [publishable] = await run('createApiKeys', { api_keys: [{ title: 'Page', type: 'publishable', created_by: '' }] });
    await run('linkSalesChannelsToApiKey', { id: publishable.id, add: [channel.id] });

    const did = { orders: {}, products: {}, stock: {}, publishable: publishable.token };
    const categories = await run('createProductCategories', { product_categories: [{ name: 'Cups', is_active: true }] });
    const products = await run('createProducts', { products: Array.from({ length: goods }, (_, n) => ({
        title: `Thing ${n}`, description: 'A thing.', status: n === goods - 1 ? 'draft' : 'published', shipping_profile_id: profile.id, category_ids: [categories[0].id],
        options: [{ title: 'Size', values: ['One'] }], sales_channels: [{ id: channel.id }],
        variants: [{ title: 'One', sku: `s${n}`, options: { Size: 'One' }, manage_inventory: n > 0, prices: [{ currency_code: 'eur', amount: (250 + random(5000)) / 100 }] }],
    })) });
    for (const product of products) did.products[product.id] = { title: product.title, active: product.status === 'published', category: 'Cups' };
    const { data: levels } = await query.graph({ entity: 'inventory_item', fields: ['id'] });
    await run('createInventoryLevels', { inventory_levels: levels.map(({ id }) => ({ location_id: location.id, inventory_item_id: id, stocked_quantity: 100000 })) });
    const buyable = products.filter((product) => product.status === 'published').map((product) => [product.variants[0].id, product.id]);
    const { result: promotions } = await flows.createPromotionsWorkflow(container).run({ input: { promotionsData: [{
        code: 'TEN', type: 'standard', status: 'active', application_method: { type: 'percentage', target_type: 'items', allocation: 'across', value: 10, currency_code: 'eur' },
    }] } });
    const address = { first_name: 'A', last_name: 'B', address_1: 'Street 1', city: 'Berlin', postal_code: '10115', country_code: 'de' };

    const accounts = {};
    const open = async (email) => {
        const { authIdentity } = await container.resolve(Modules.AUTH).register('emailpass', { body: { email, password: 'a long password' } });
        accounts[email] = (await run('createCustomerAccount', { authIdentityId: authIdentity.id, customerData: { email, first_name: 'A', last_name: 'B' } })).id;
    };
    // Sent, sent back and received; then the money goes back. Of an order of several lines only the first may come back.
    const giveBack = async (id, whole) => {
        const { data: [order] } = await query.graph({ entity: 'order', filters: { id }, fields: ['items.*', 'items.detail.*', 'payment_collections.payments.*'] });
        const items = order.items.map((item) => ({ id: item.id, quantity: Number(item.quantity) }));
        await run('createOrderFulfillment', { order_id: id, location_id: location.id, items });
        const back = whole || items.length === 1 ? items : items.slice(0, 1);
        const money = order.payment_collections[0].payments[0];
        await run('capturePayment', { payment_id: money.id });
        await run('createAndCompleteReturnOrder', { order_id: id, items: back, receive_now: true, location_id: location.id, return_shipping: { option_id: sentBack.id } });
        await run('refundPayment', { payment_id: money.id, amount: back === items ? Number(money.amount) : 1 });
        return back === items ? 'returned' : 'partly_returned';
    };
    const place = async (n) => {
        const email = `person${n % people}@mail.example`;
        // Three people open an account after having bought as guests.
        if (n >= 12 && n % people < 3 && !accounts[email]) await open(email);
        const items = Array.from({ length: 1 + random(3) }, () => ({ variant_id: buyable[random(buyable.length)][0], quantity: 1 + random(4) }));
        const cart = await run('createCart', {
            region_id: region.id, sales_channel_id: channel.id, email, customer_id: accounts[email], items, shipping_address: address, billing_address: address,
            promo_codes: n % 4 === 0 ? [promotions[0].code] : [],
        });
        if (n % 10 === 9) return; // stays a cart
        await run('addShippingMethodToCart', { cart_id: cart.id, options: [{ id: parcel.id }] });
        const collection = await run('createPaymentCollectionForCart', { cart_id: cart.id });
        const { data: [paying] } = await query.graph({ entity: 'cart', fields: ['payment_collection.id'], filters: { id: cart.id } });
        await run('createPaymentSessions', { payment_collection_id: collection?.id ?? paying.payment_collection.id, provider_id: 'pp_system_default' });
        const { id } = await run('completeCart', { id: cart.id });
        let status = 'placed';
        if (n % 7 === 3) { await run('cancelOrder', { order_id: id }); status = 'cancelled'; }
        else if (n % 7 === 4) {
            await run('beginOrderEditOrder', { order_id: id });
            await run('orderEditAddNewItem', { order_id: id, items: [{ variant_id: buyable[0][0], quantity: 2 }] });
            await run('requestOrderEditRequest', { order_id: id });
            await run('confirmOrderEditRequest', { order_id: id });
        } else if (n % 7 === 5) { await run('completeOrder', { orderIds: [id] }); status = 'delivered'; }
        const { data: [order] } = await query.graph({ entity: 'order', filters: { id },
            fields: ['id', 'email', 'total', 'shipping_total', 'items.product_id', 'items.quantity', 'items.total', 'items.detail.*'] });
        // What comes back is told by the status: the order stays what was bought, and Medusa's own total does not.
        if (n % 7 === 6) status = await giveBack(id, n % 2 === 0);
        did.orders[id] = {
            email, status, total: Number(order.total), shipping: Number(order.shipping_total),
            lines: order.items.map((item) => [item.product_id, Number(item.quantity), Number(item.total)]),
        };
    };
    for (let n = 0; n < Number(count); n++) await place(n);
    const gone = buyable[0][1]; // not counted: what has reservations cannot be deleted
    await run('deleteProducts', { ids: [gone] });
    did.products[gone].active = false;
    writeFileSync(file, JSON.stringify(did));
};
