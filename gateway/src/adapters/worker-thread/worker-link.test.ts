import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import { silentLog, type Log } from '#kernel/log.ts';
import type { services } from '../../../test/support/echo-worker.ts';
import { startWorker, type WorkerLink } from './worker-link.ts';

type Services = typeof services;
interface Started {
  readonly link: WorkerLink<Services>;
  readonly logged: string[];
  /** How long was waited before each replacement, ms. */
  readonly pauses: number[];
  /** Resolves with the next line that the log is given. */
  nextLine(): Promise<string>;
  restarts: number;
}

const nobodyWaits = (): void => undefined;

async function start(failFrom?: number): Promise<Started> {
  const logged: string[] = [];
  let wake: (line: string) => void = nobodyWaits;
  const pauses: number[] = [];
  const write = (fields: object, message: string): void => {
    logged.push(message);
    if ('restartInMs' in fields) pauses.push(Number(fields.restartInMs));
    wake(message);
  };
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const result = { logged, pauses, restarts: 0 };
  const link = await startWorker<Services>({
    name: 'echo',
    url: new URL('../../../test/support/echo-worker.ts', import.meta.url),
    workerData: { started: new SharedArrayBuffer(4), failFrom },
    serviceNames: ['echo'],
    clock: systemClock,
    log,
    onRestarted() {
      result.restarts += 1;
      wake('restarted');
    },
  });
  return Object.assign(result, {
    link,
    nextLine: async () =>
      await new Promise<string>((resolve) => {
        wake = resolve;
      }),
  });
}

test('a call is answered with what the method returned, BigInt included', async () => {
  const { link } = await start();
  try {
    assert.deepEqual(await link.services.echo.say('hello', 2n ** 70n), {
      text: 'hello',
      amount: 2n ** 70n,
      incarnation: 1,
    });
  } finally {
    await link.close();
  }
});

test('an error travels as code and message, without what was for the log only', async () => {
  const { link } = await start();
  try {
    await assert.rejects(link.services.echo.refuse(), (error: unknown) => {
      assert.ok(error instanceof Failure);
      assert.equal(error.code, 'admin_conflict');
      assert.equal(error.message, 'It exists.');
      assert.equal(error.options.param, 'name');
      assert.equal(error.options.cause, undefined);
      return true;
    });
    await assert.rejects(link.services.echo.fail(), { message: 'broken' });
    await assert.rejects(link.services.echo.unclonable(), /could not be cloned/);
  } finally {
    await link.close();
  }
});

test('a crash rejects what waits, is logged, and the worker is replaced', async () => {
  const started = await start();
  const { link } = started;
  try {
    const waiting = link.services.echo.never();
    const line = started.nextLine();
    await Promise.all([
      assert.rejects(waiting, /The echo worker ended: exit code 3/),
      assert.rejects(link.services.echo.crash(), /The echo worker ended/),
    ]);
    assert.equal(await line, 'a worker ended unexpectedly');
    assert.equal((await link.services.echo.say('again', 1n)).incarnation, 2);
    assert.equal(started.restarts, 1);
  } finally {
    await link.close();
  }
});

test('calls made while a replacement fails to start are rejected, not left waiting', async () => {
  const { link } = await start(2);
  try {
    await assert.rejects(link.services.echo.crash(), /ended/);
    await assert.rejects(link.services.echo.say('lost', 1n), /will not start/);
  } finally {
    await link.close();
  }
});

test('calls that wait for a replacement are rejected at the end, not left waiting', async () => {
  const started = await start();
  const { link } = started;
  const line = started.nextLine();
  await assert.rejects(link.services.echo.crash(), /ended/);
  assert.equal(await line, 'a worker ended unexpectedly');
  const refused = assert.rejects(link.services.echo.say('late', 1n), /has been ended/);
  await link.close();
  await refused;
});

test('a worker that ends again and again right after its start is replaced ever more slowly', async () => {
  const { link, pauses } = await start();
  try {
    for (let crashes = 0; crashes < 3; crashes += 1) await assert.rejects(link.services.echo.crash(), /ended/);
    await link.services.echo.say('again', 1n);
    assert.deepEqual(pauses, [100, 200, 400]);
  } finally {
    await link.close();
  }
});

test('a worker that cannot start is an error of the start', async () => {
  await assert.rejects(start(1), /The echo worker ended: will not start/);
});

test('log lines of the worker are written here', async () => {
  const started = await start();
  try {
    const line = started.nextLine();
    started.link.notify('echo', 'note');
    assert.equal(await line, 'noted');
  } finally {
    await started.link.close();
  }
});

test('after the end, calls are refused', async () => {
  const { link } = await start();
  await link.close();
  await assert.rejects(link.services.echo.say('late', 1n), /has been ended/);
});

test('a worker that does not become ready is ended with what it was started for', async () => {
  const end = new AbortController();
  const starting = startWorker({
    name: 'hanging',
    url: new URL('data:text/javascript,setInterval(() => undefined, 1000)'),
    workerData: undefined,
    serviceNames: [],
    clock: systemClock,
    log: silentLog,
    ended: end.signal,
  });
  end.abort();
  await assert.rejects(starting, /The hanging worker ended/);
});
