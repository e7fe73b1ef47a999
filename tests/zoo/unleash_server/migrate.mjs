// Unleash's own migrations: `migrate.mjs up` all of them, `migrate.mjs up NAME` up to that one, `migrate.mjs down NUMBER` so many back.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const home = `${process.env.ZOO_HOME}/node_modules/unleash-server/dist`;
const require = createRequire(`${home}/migrator.js`);
const { getInstance } = require("db-migrate");
require("db-migrate-shared").log.setLogLevel("error");
const db = { driver: "pg", host: process.env.PGHOST, port: process.env.PGPORT, user: process.env.PGUSER,
    database: process.env.PGDATABASE, schema: "public", ssl: false };
const [, , way, where] = process.argv;
process.argv.length = 2;
const migrations = getInstance(true, { cwd: home, config: { custom: db }, env: "custom" });
await (way === "up" ? migrations.up(where) : migrations.down(Number(where)));
process.exit(0);
