// Migrate and fill a Medusa 2: node medusa_shop.js URL SCHEMA ORDERS FILE.
const { spawnSync } = require('child_process');
const { environment } = require('./medusa_run.js');

const [url, schema, count, file] = process.argv.slice(2);
for (const args of [['db:migrate', '--skip-scripts'], ['exec', './medusa_fill.js', count, file]]) {
    const { status, stdout, stderr } = spawnSync('npx', ['medusa', ...args], { env: environment(url, schema), encoding: 'utf-8' });
    if (status) {
        console.error(`${stdout}\n${stderr}`);
        process.exit(1);
    }
}
