// A day of Unleash: it starts, makes a feature, switches it on and archives it by its own API, and prints how many events its log has.
// It migrates on each start unless it is told not to; here migrate.mjs does that.
import { pathToFileURL } from "node:url";

const home = `${process.env.ZOO_HOME}/node_modules/unleash-server/dist/lib/server-impl.js`;
const { start } = await import(pathToFileURL(home).href);
const unleash = await start({
    db: { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, password: "none",
        database: process.env.PGDATABASE, ssl: false, disableMigration: true },
    server: { host: "127.0.0.1", port: 0 }, authentication: { type: "none" }, versionCheck: { enable: false }, telemetry: false,
    logLevel: "error",
});
const at = `http://127.0.0.1:${unleash.server.address().port}/api/admin`;
const asked = async (method, path, body) => {
    const answer = await fetch(`${at}${path}`, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.text();
};
const name = `feature-${Date.now()}`;
await asked("POST", "/projects/default/features", { name, type: "release" });
await asked("POST", `/projects/default/features/${name}/environments/development/on`, {});
await asked("DELETE", `/projects/default/features/${name}`);
const { totalEvents, events } = JSON.parse(await asked("GET", "/events?limit=1000"));
console.log(totalEvents ?? events.length);
await unleash.stop();
process.exit(0);
