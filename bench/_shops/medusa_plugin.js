// The example's routes in that Medusa: what its store API answers over HTTP, as JSON.
// node medusa_plugin.js URL SCHEMA PORT FILE, with SERVE_URL and SERVE_KEY.
const { spawn } = require('child_process');
const { readdirSync, readFileSync, rmSync, writeFileSync } = require('fs');
const { environment } = require('./medusa_run.js');

const [url, schema, port, file] = process.argv.slice(2);
const did = JSON.parse(readFileSync('filled.json', 'utf-8'));
const base = `http://127.0.0.1:${port}`;

async function ask(path, { body, token } = {}) {
    const headers = { 'Content-Type': 'application/json', 'x-publishable-api-key': did.publishable, ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(base + path, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
}
const list = async (path, token) => (await ask(`/store/nightshift/${path}`, { token })).products.map((row) => row.product.id);

/** Run the shop while ``use`` asks it. */
async function shop(env, use) {
    const server = spawn('node', ['node_modules/.bin/medusa', 'start', '--port', port, '--host', '127.0.0.1'], { env: { ...environment(url, schema), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => { said += data; });
    try {
        for (let tries = 0; ; tries++) {
            if (await fetch(`${base}/health`).then((a) => a.ok, () => false)) break;
            if (server.exitCode !== null || tries > 600) throw new Error(said.slice(-2000));
            await new Promise((done) => setTimeout(done, 200));
        }
        await use();
    } catch (error) {
        throw new Error(`${error.message}\n${said.slice(-1500)}`);
    } finally {
        const ended = new Promise((done) => server.on('exit', done));
        if (server.exitCode === null) {
            server.kill('SIGKILL');
            await ended;
        }
    }
}

async function main() {
    // It was compiled beside; Medusa would load both.
    for (const name of readdirSync('src', { recursive: true })) if (name.endsWith('.ts')) rmSync(`src/${name}`);
    const said = { lists: {}, similar: {}, guest: [], cart: {}, events: [], away: null };
    await shop({}, async () => {
        for (const n of [0, 1, 2]) {
            const email = `person${n}@mail.example`;
            const { token: logged } = await ask('/auth/customer/emailpass', { body: { email, password: 'a long password' } });
            const { customer } = await ask('/store/customers/me', { token: logged });
            said.lists[customer.id] = await list('recommendations?take=5', logged);
        }
        said.guest = await list('recommendations?take=5');
        const { products } = await ask('/store/products?limit=3&fields=id,*variants');
        for (const { id } of products) said.similar[id] = await list(`similar?product_id=${id}&take=5`);
        const [{ id, variants }] = products;
        const { regions } = await ask('/store/regions');
        const { cart } = await ask('/store/carts', { body: { region_id: regions[0].id } });
        await ask(`/store/carts/${cart.id}/line-items`, { body: { variant_id: variants[0].id, quantity: 1 } });
        said.cart = { of: id, list: await list(`cart?cart_id=${cart.id}&take=5`) };
        const events = [
            { event_id: 'v1', kind: 'view', product_id: id }, { event_id: 's1', kind: 'search', query: 'thing', results: 7 },
            { event_id: 'h1', kind: 'shown', product_id: id, list: 'recommendation', position: 1 },
            { event_id: 'c1', kind: 'clicked', product_id: id, list: 'recommendation', position: 1, search_id: 's1' },
        ];
        const post = () => ask('/store/nightshift/events', { body: { session: 'a visit', events } }).then((answer) => answer.new);
        said.events = [await post(), await post()];
        await ask('/store/nightshift/events', { body: { session: 'a visit', events: [{ kind: 'cart', product_id: id }] } });
    });
    // Nobody listens there: the page goes on without the list.
    await shop({ SERVE_URL: 'http://127.0.0.1:9' }, async () => { said.away = await list('recommendations?take=5'); });
    writeFileSync(file, JSON.stringify(said));
}
main().catch((error) => { console.error(error); process.exit(1); });
