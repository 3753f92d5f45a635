// The example's plugin in that Vendure: what its shop API answers over HTTP, as JSON.
// node vendure_plugin.js URL SCHEMA PORT FILE, with SERVE_URL and SERVE_KEY.
const { writeFileSync } = require('fs');
const core = require('@vendure/core');
const { config, sure } = require('./vendure_shop.js');
const { NightshiftPlugin } = require('./nightshift.plugin.js');

const [, , port, file] = process.argv.slice(2);
const FIELDS = '{ product { id enabled } score reason }';

/** A visitor of the shop: the shop API over HTTP, with the session that it gave. */
function visitor() {
    let token;
    return async (query, variables = {}) => {
        const answer = await fetch(`http://127.0.0.1:${port}/shop-api`, {
            method: 'POST', body: JSON.stringify({ query, variables }),
            headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
        });
        token = answer.headers.get('vendure-auth-token') ?? token;
        const { data, errors } = await answer.json();
        if (errors) throw new Error(JSON.stringify(errors));
        return data;
    };
}
const ids = (rows) => rows.map((row) => row.product.id);

async function main() {
    const app = await core.bootstrap({
        ...config, apiOptions: { ...config.apiOptions, port: Number(port) },
        authOptions: { ...config.authOptions, requireVerification: false },
        plugins: [NightshiftPlugin.init({ url: process.env.SERVE_URL, key: process.env.SERVE_KEY, patienceMs: 5000 })],
    });
    const said = { lists: {}, similar: {}, guest: [], cart: [], events: [], away: null };
    for (const n of [0, 1, 3]) { // 2 has an account already, not verified
        const shop = visitor();
        const emailAddress = `person${n}@mail.example`;
        await shop('mutation($i: RegisterCustomerInput!) { registerCustomerAccount(input: $i) { __typename } }',
            { i: { emailAddress, password: 'a long password' } });
        sure((await shop('mutation($e: String!) { login(username: $e, password: "a long password") { ... on ErrorResult { errorCode } } }', { e: emailAddress })).login);
        const { activeCustomer } = await shop('{ activeCustomer { id } }');
        said.lists[activeCustomer.id] = ids((await shop(`{ nightshiftRecommendations(take: 5) ${FIELDS} }`)).nightshiftRecommendations);
    }
    const guest = visitor();
    said.guest = ids((await guest(`{ nightshiftRecommendations(take: 5) ${FIELDS} }`)).nightshiftRecommendations);
    const { products } = await guest('{ products(options: { take: 3, sort: { id: DESC } }) { items { id variants { id } } } }');
    for (const { id } of products.items) said.similar[id] = ids((await guest(`query($p: ID!) { nightshiftSimilar(productId: $p, take: 5) ${FIELDS} }`, { p: id })).nightshiftSimilar);
    const [{ id, variants }] = products.items;
    sure((await guest('mutation($v: ID!) { addItemToOrder(productVariantId: $v, quantity: 1) { ... on ErrorResult { errorCode } } }', { v: variants[0].id })).addItemToOrder);
    said.cart = { of: id, list: ids((await guest(`{ nightshiftCart(take: 5) ${FIELDS} }`)).nightshiftCart) };
    const events = [
        { eventId: 'v1', kind: 'view', productId: id }, { eventId: 's1', kind: 'search', query: 'thing', results: 7 },
        { eventId: 'h1', kind: 'shown', productId: id, list: 'recommendation', position: 1 },
        { eventId: 'c1', kind: 'clicked', productId: id, list: 'recommendation', position: 1, searchId: 's1' },
    ];
    const post = (query) => guest(query, { e: events }).then((data) => data.nightshiftEvents);
    const mutation = 'mutation($e: [NightshiftEvent!]!) { nightshiftEvents(events: $e) }';
    said.events = [await post(mutation), await post(mutation)];
    NightshiftPlugin.options.url = 'http://127.0.0.1:9'; // nobody listens there: the page goes on without the list
    said.away = (await guest(`{ nightshiftRecommendations ${FIELDS} }`)).nightshiftRecommendations;
    writeFileSync(file, JSON.stringify(said));
    await app.close();
    process.exit(0);
}
main().catch((error) => { console.error(error); process.exit(1); });
