import assert from 'node:assert/strict';
import { test } from 'node:test';
import { areaOf, summariseProfile } from './cpu-profile.ts';

for (const [url, name, area] of [
  ['file:///home/x/gateway/src/proxy/usage/readers/chat.ts', 'read', 'gateway/proxy/usage'],
  ['file:///home/x/gateway/src/main.ts', 'main', 'gateway'],
  ['file:///home/x/node_modules/undici/lib/dispatcher/client.js', 'write', 'undici'],
  ['file:///home/x/node_modules/a/node_modules/@scope/b/index.js', 'f', '@scope/b'],
  ['node:_http_outgoing', 'write_', 'node:http'],
  ['node:internal/streams/writable', 'write', 'node:stream'],
  ['node:internal/process/task_queues', 'processTicksAndRejections', 'node: event loop'],
  ['node:internal/fs/utils', 'f', 'node:internal/fs'],
  ['', '(garbage collector)', '(garbage collector)'],
  ['', 'writev', 'native code'],
] as const) {
  test(`the time of ${name} at ${url || 'no place'} belongs to ${area}`, () => {
    assert.equal(areaOf(url, name), area);
  });
}

function frame(functionName: string, url: string): { functionName: string; url: string; lineNumber: number } {
  return { functionName, url, lineNumber: 9 };
}

test('sums self time by area and function, without idle time', () => {
  const summary = summariseProfile(
    {
      nodes: [
        { id: 1, callFrame: frame('(idle)', '') },
        { id: 2, callFrame: frame('push', 'file:///r/gateway/src/proxy/usage/tap.ts') },
        { id: 3, callFrame: frame('(garbage collector)', '') },
        { id: 4, callFrame: frame('push', 'file:///r/gateway/src/proxy/usage/tap.ts') },
      ],
      samples: [1, 2, 3, 4, 2],
      timeDeltas: [5_000, 100, 50, 200, 50],
    },
    1,
  );
  assert.equal(summary.busyMicros, 400);
  assert.deepEqual(summary.areas, [
    { name: 'gateway/proxy/usage', micros: 350, share: 0.875 },
    { name: '(garbage collector)', micros: 50, share: 0.125 },
  ]);
  assert.deepEqual(summary.functions, [{ name: 'push gateway/src/proxy/usage/tap.ts:10', micros: 350, share: 0.875 }]);
});

test('native code belongs to whoever asked for it, through all of Node that lies between', () => {
  const summary = summariseProfile(
    {
      nodes: [
        { id: 1, callFrame: frame('(root)', ''), children: [2, 5] },
        { id: 2, callFrame: frame('resume', 'file:///r/node_modules/undici/lib/client.js'), children: [3] },
        { id: 3, callFrame: frame('uncork', 'node:internal/streams/writable'), children: [4] },
        { id: 4, callFrame: frame('writev', '') },
        { id: 5, callFrame: frame('writev', '') },
      ],
      samples: [4, 4, 5],
      timeDeltas: [30, 30, 40],
    },
    5,
  );
  assert.deepEqual(
    summary.areas.map((area) => [area.name, area.micros]),
    [
      ['native code for undici', 60],
      ['native code', 40],
    ],
  );
  assert.deepEqual(
    summary.functions.map((each) => each.name),
    ['writev for undici', 'writev'],
  );
});
