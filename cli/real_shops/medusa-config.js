// A Medusa without an admin, on DATABASE_URL; the example's module where it is there.
const { existsSync } = require('fs');
const { defineConfig } = require('@medusajs/framework/utils');

const own = existsSync(`${__dirname}/src/modules/nightshift`)
    ? [{ resolve: './src/modules/nightshift', options: { url: process.env.SERVE_URL, key: process.env.SERVE_KEY, patienceMs: 5000 } }]
    : [];
module.exports = defineConfig({
    admin: { disable: true },
    projectConfig: {
        databaseUrl: process.env.DATABASE_URL,
        databaseSchema: process.env.DATABASE_SCHEMA ?? 'public',
        databaseDriverOptions: { connection: { ssl: false } },
        http: { storeCors: 'http://127.0.0.1', adminCors: 'http://127.0.0.1', authCors: 'http://127.0.0.1', jwtSecret: 'of a demo', cookieSecret: 'of a demo' },
    },
    modules: own,
});
