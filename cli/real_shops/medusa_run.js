// The environment of Medusa's own commands over a database.
const database = require('./database.js');

exports.environment = (url, schema) => {
    // One of Medusa's clients reads a socket's folder from here only, and another the schema.
    const { host, port } = database(url);
    return { ...process.env, DATABASE_URL: url, DATABASE_SCHEMA: schema, PGHOST: host, PGPORT: String(port), PGOPTIONS: `-c search_path=${schema}`,
        MEDUSA_DISABLE_TELEMETRY: '1' };
};
