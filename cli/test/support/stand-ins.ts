import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** Small programs in the place of gateway and twin. Each tells what happens to it by a line in the file EVENTS. */
const head = `
import { createServer } from 'node:http';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
const { env } = process;
const say = (line) => appendFileSync(env.EVENTS, line + '\\n');
const listen = (port, answer) => new Promise((resolve) => {
  const server = createServer(answer);
  server.listen(port, '127.0.0.1', () => resolve(server));
});
const leave = (name, ms) => process.on('SIGTERM', () => { say(name + ' asked'); setTimeout(() => { say(name + ' gone'); process.exit(0); }, ms); });
`;

const sources = {
  /** Serves what \`start\` needs of a gateway; \`KNOWN_KEYS\` are those that it takes, besides those it makes. */
  gateway: `${head}
const known = new Set((env.KNOWN_KEYS ?? '').split(' '));
mkdirSync(env.TOLLGATE_DATA, { recursive: true });
writeFileSync(env.TOLLGATE_DATA + '/admin-token', 'token');
const json = (response, status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const admin = await listen(env.TOLLGATE_ADMIN_PORT, (request, response) => {
  const found = /subscriptions\\/([^/]+)\\/keys\\/primary\\/regenerate/.exec(request.url);
  if (request.url === '/healthz') return json(response, 200, { status: 'ok', ready: true });
  if (request.headers.authorization !== 'Bearer token' || found === null) return json(response, 404, {});
  const key = 'tg_' + found[1];
  known.add(key);
  say('made ' + key);
  return json(response, 200, { subscription: found[1], keys: { primary: key } });
});
const data = await listen(env.TOLLGATE_PORT, (request, response) => {
  if (request.url === '/readyz') return json(response, 200, {});
  return json(response, known.has(request.headers['api-key']) ? 200 : 401, {});
});
console.log(JSON.stringify({ msg: 'listening', address: '127.0.0.1', port: data.address().port, adminPort: admin.address().port }));
leave('gateway', 30);
`,
  twin: `${head}
await listen(env.TOLLGATE_TWIN_PORT, (request, response) => response.writeHead(request.url === '/_twin/health' ? 200 : 404).end('{}'));
console.log('twin listens');
leave('twin', 0);
`,
  /** Ends as a gateway with a bad configuration does. */
  refusing: `console.error('line 3: unknown key\\nline 9: no such model'); process.exitCode = 7;`,
  /** Dies once it is ready. */
  dying: `console.log('ready'); process.stdin.on('end', () => process.exit(0)); setTimeout(() => { console.error('out of memory'); process.exit(9); }, 20);`,
  polite: `${head} leave(env.NAME, Number(env.DRAIN_MS ?? 0)); setInterval(() => {}, 1000); console.log('ready');`,
  stubborn: `${head} process.on('SIGTERM', () => say(env.NAME + ' asked')); setInterval(() => {}, 1000); console.log('ready');`,
} as const;
export type StandIn = keyof typeof sources;

/** Writes the program into a folder; its path. */
export function standIn(folder: string, name: StandIn): string {
  const file = path.join(folder, `${name}.mjs`);
  writeFileSync(file, sources[name]);
  return file;
}
