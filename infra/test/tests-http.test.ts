import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { keys, startStack, type RunningStack } from '../../gateway/test/support/running-gateway.ts';
import { repositoryRoot } from './support/snapshot.ts';

// Every call of tests.http, made against a gateway and the twin.
const [head = '', ...parts] = readFileSync(path.join(repositoryRoot, 'tests.http'), 'utf8').split(/^### /m);
const [, apiVersion = ''] = /^@apiVersion = (.*)$/m.exec(head) ?? [];

let stack: RunningStack;
/** Made by one call, and put into the next ones, as the file asks for. */
let conversation = '';
const ending: (() => Promise<void> | void)[] = [];
before(async () => {
  stack = await startStack({ after: (run) => void ending.push(run as () => void) });
});
after(async () => {
  for (const end of ending.toReversed()) await end();
});

for (const part of parts) {
  const [title = '', ...rest] = part.trim().split('\n');
  test(`tests.http: ${title}`, async () => {
    const values: Record<string, string> = {
      tollgate: stack.url,
      apiVersion,
      marketing: keys.marketing,
      finance: keys.finance,
    };
    const filled = rest
      .join('\n')
      .replaceAll('conv_…', conversation)
      .replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? assert.fail(name));
    const [top = '', ...body] = filled.split('\n\n');
    const [[method = '', url = ''] = [], ...headers] = top.split('\n').map((line) => line.split(/ (.*)/, 2));
    const reply = await fetch(url, {
      method,
      headers: headers.map(([name = '', value = '']) => [name.replace(/:$/, ''), value]),
      ...(body.length === 0 ? {} : { body: body.join('\n\n') }),
    });
    const text = await reply.text();
    const refused = title.startsWith('Refused');
    assert.equal(reply.status, refused ? 401 : 200, text);
    if (title.includes('put its id into the next two')) conversation = JSON.parse(text).id;
    if (filled.includes('"stream": true')) assert.match(text, /^(data|event): /);
  });
}

test('calls that go through API Management show the key as it knows it, and stay below its path', () => {
  for (const part of parts.filter((one) => !/not through API Management|^Refused/.test(one.split('\n')[0] ?? ''))) {
    assert.match(part, /^api-key: /m, part);
    assert.match(part, /\{\{tollgate\}\}\/openai\//, part);
  }
});
