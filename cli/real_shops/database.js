// A URL of Postgres as the fields that its client takes; a socket's folder stands, escaped, in the host's place.
module.exports = (text) => {
    const url = new URL(text);
    return {
        host: decodeURIComponent(url.hostname), port: Number(url.port || 5432), username: decodeURIComponent(url.username),
        password: decodeURIComponent(url.password), database: url.pathname.slice(1),
    };
};
