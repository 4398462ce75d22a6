// What the documents lead to has to exist: files, commands, scripts, and calls that a client can send.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { doesSomething, fullName, walk } from '../cli/src/command-tree.ts';
import type { Context } from '../cli/src/context.ts';
import { buildProgram } from '../cli/src/program.ts';
import { readSettings } from '../cli/src/settings.ts';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const pages = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })];

const silent = { write: () => {}, drained: async () => {}, interactive: false, colour: false };
const context: Context = {
  environment: {},
  settings: readSettings({}),
  out: silent,
  err: silent,
  clock: { now: () => 0, sleep: async () => {} },
  exitCode: 0,
};
const commands = new Map(walk(buildProgram(context)).map((command) => [fullName(command), command]));

for (const page of pages) {
  test(`${page}: every link to a file leads to one`, () => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) => match[1] ?? '');
    const broken = links.filter((link) => !existsSync(path.join(root, path.dirname(page), link)));
    assert.deepEqual(broken, []);
  });

  test(`${page}: every command and script that it names exists`, () => {
    const text = read(page);
    const unknown: string[] = [];
    for (const [, noun = '', verb = ''] of text.matchAll(/npx --no tollgate ([a-z]+)(?: ([a-z]+(?:-[a-z]+)*))?/g)) {
      // The library's own command, which is not in the tree.
      if (noun === 'help') continue;
      const found = commands.get(`tollgate ${noun}`);
      const isNoun = found !== undefined && !doesSomething(found);
      if (found === undefined || (isNoun && !commands.has(`tollgate ${noun} ${verb}`))) unknown.push(`${noun} ${verb}`);
    }
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, name = ''] of text.matchAll(/npm run (?:-s )?([a-z:-]+)/g)) {
      if (scripts[name] === undefined) unknown.push(`npm run ${name}`);
    }
    assert.deepEqual(unknown, []);
  });
}

interface HttpCall {
  readonly title: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The file format of VS Code's REST Client: `@name = value`, `###` between calls, `{{name}}` for a value. */
function callsIn(text: string): readonly HttpCall[] {
  const [head = '', ...parts] = text.split(/^###/m);
  const values = new Map([...head.matchAll(/^@(\w+) = (.*)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']));
  return parts.map((part) => {
    const [title = '', ...lines] = part.split('\n');
    const filled = lines.join('\n').replaceAll(/\{\{(\w+)\}\}/g, (_whole, name: string) => {
      const value = values.get(name);
      assert.ok(value !== undefined, `${name} is defined`);
      return value;
    });
    const [top = '', ...body] = filled.trim().split('\n\n');
    const [line = '', ...headers] = top.split('\n');
    const [method = '', url = ''] = line.split(' ');
    return {
      title: title.trim(),
      method,
      url,
      headers: Object.fromEntries(headers.map((one) => one.split(': '))) as Record<string, string>,
      body: body.join('\n\n').trim(),
    };
  });
}

const calls = callsIn(read('tests.http'));

for (const { title, method, url, headers, body } of calls) {
  test(`tests.http, ${title}: is a call that a client can send`, () => {
    assert.match(url, /^http:\/\/127\.0\.0\.1:8080\/(openai\/|v1\/|readyz)/);
    assert.equal(method === 'POST', body !== '');
    if (method !== 'POST') return;
    assert.equal(headers['content-type'], 'application/json');
    const sent = JSON.parse(body) as Record<string, unknown>;
    if (url.endsWith('/conversations')) return;
    // The classic surface has the model in the path and the api-version in the query, v1 the model in the body.
    assert.equal(url.includes('/deployments/'), sent['model'] === undefined);
    assert.equal(url.includes('/deployments/'), url.includes('api-version='));
  });
}

test('tests.http has, for Marketing and Finance, chat, a stream, Responses, embeddings and models', () => {
  for (const team of ['Marketing', 'Finance']) {
    const own = calls.filter(({ title }) => title.startsWith(`${team}:`));
    const key = `$dotenv ${team.toUpperCase()}_KEY`;
    assert.ok(
      own.every(({ headers }) => Object.values(headers).some((value) => value.includes(key))),
      key,
    );
    for (const operation of ['chat/completions', 'responses', 'embeddings', 'models']) {
      assert.ok(
        own.some(({ url }) => url.includes(operation)),
        `${team} ${operation}`,
      );
    }
    assert.ok(
      own.some(({ body }) => body.includes('"stream": true')),
      `${team} stream`,
    );
  }
});
