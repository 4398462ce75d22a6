import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNotLogged, linesWith, untilLogged, untilLoggedTimes } from './logged.ts';
import { eventually, until } from './until.ts';

/** A log of very many lines, to which more come. */
function longLog() {
  const lines = Array.from({ length: 5_000 }, (_none, at) => `{"level":30,"number":${at},"msg":"request"}`);
  return { lines, logged: () => lines.map((line) => `${line}\n`).join('') };
}

const isShort = ({ message }: Error): boolean => message.includes('the secret is x') && message.length < 8_000;

test('a line that comes later is waited for', async () => {
  const log = longLog();
  const waiting = untilLogged(log, /"msg":"told at last"/);
  setImmediate(() => log.lines.push('{"msg":"told at last"}'));
  await waiting;
  assert.equal(linesWith(log, 'told at last').length, 1);
});

test('a failure shows the lines that matter, and not the whole log', async () => {
  const log = longLog();
  log.lines.push(...Array.from({ length: 50 }, () => `{"msg":"the secret is ${'x'.repeat(5_000)}"}`));
  assert.throws(() => assertNotLogged(log, 'the secret', 'no secret is logged'), isShort);
  await assert.rejects(async () => await untilLoggedTimes(log, 'the secret', 1), isShort);
});

test('what cannot be asked yet is asked again; what is wrong by itself is not waited for', async () => {
  let looks = 0;
  await eventually(async () => {
    looks += 1;
    if (looks < 600) throw new Error('not there yet');
    return await Promise.resolve(true);
  });
  assert.equal(looks, 600);
  await assert.rejects(
    until(() => assert.fail('wrong')),
    /wrong/,
  );
});
