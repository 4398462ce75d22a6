import type { Command } from 'commander';
import { versionSchema } from '@tollgate/contract/admin-api/operations.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { prettyJson } from '#output/json.ts';
import { demoKeysFile, readDemoKeys, type DemoKeys } from '../start/demo-keys.ts';
import { fetchUsage, lagNote } from '../usage/fetch-usage.ts';
import { sendAll } from './calls.ts';
import { compare, type Measured } from './compare.ts';
import { Meter } from './measure.ts';
import { billText, comparisonText, endings, isRight, type Result } from './report.ts';
import { sampleTraffic, type Part } from './traffic.ts';

const billWaitMs = 10_000;

function keysOf(context: Context): DemoKeys {
  const { dataFolder } = context.settings;
  const keys = readDemoKeys(dataFolder);
  if (keys !== undefined) return keys;
  throw new CommandFailure(`There are no demo keys: ${demoKeysFile(dataFolder)} is missing.`, {
    hints: ['They are made by `npm start` with the demo configuration; TOLLGATE_DATA says where.'],
  });
}

interface Progress {
  step(): void;
  end(): void;
}

/** Rewritten in place where somebody watches, else one line for each part. */
function progressOf({ err }: Context, part: Part): Progress {
  const what = `${part.team}: ${part.calls.length} calls, ${endings[part.ending]}`;
  let done = 0;
  if (!err.interactive) return { step: () => {}, end: () => err.write(`${what}\n`) };
  return {
    step() {
      done += 1;
      err.write(`\r${what} ${done}/${part.calls.length}`);
    },
    end: () => err.write(`\r${' '.repeat(what.length + 10)}\r`),
  };
}

interface Stage {
  readonly context: Context;
  readonly meter: Meter;
  readonly keys: DemoKeys;
}

async function play({ context, meter, keys }: Stage, part: Part): Promise<Result> {
  const progress = progressOf(context, part);
  const from = await meter.moment();
  const door = { dataPlane: `http://127.0.0.1:${context.settings.port}`, key: keys[part.team] };
  const sent = await sendAll(door, part.calls, () => progress.step());
  const both = await meter.since(from);
  progress.end();
  const brokenOff = sent.filter((one) => one.ended === 'broken-off').length;
  const failures = sent.filter((one) => one.ended === 'failed').map((one) => one.why);
  const measured: Measured = { ending: part.ending, brokenOff, ...both };
  return { team: part.team, calls: part.calls.length, failures, ...measured, ...compare(measured) };
}

async function runDemo(context: Context, json: boolean): Promise<void> {
  const { settings, clock } = context;
  const admin = adminClient(settings);
  await admin.ask({ path: 'version', schema: versionSchema }); // says how to start one where none runs
  const keys = keysOf(context);
  const meter = await Meter.begin({ admin, clock, twinPort: settings.twinPort });
  const began = await meter.moment();
  const results: Result[] = [];
  for (const part of sampleTraffic()) {
    results.push(await play({ context, meter, keys }, part));
  }
  const bill = await fetchUsage(admin, { by: 'consumer', from: began, waitMs: String(billWaitMs) });
  if (!isRight(results)) context.exitCode = exitCodes.failed;
  if (json) {
    context.out.write(prettyJson({ ok: isRight(results), bill: bill.raw, comparison: results }));
    return;
  }
  context.out.write(billText(context.out, bill.value));
  context.err.write(lagNote(bill.value.lag, billWaitMs));
  context.out.write(comparisonText(context.out, results));
}

export function addDemo(parent: Command, context: Context): void {
  const command = parent
    .command('demo')
    .description(
      "Send sample traffic as Marketing and Finance, then print the bill and compare it with the twin's record.",
    )
    .option('--json', 'print JSON')
    .action(async (options: { readonly json?: boolean }) => await runDemo(context, options.json === true));
  withExamples(command, [
    { line: 'demo', says: 'with `npm start` running in another terminal' },
    { line: 'demo --json', says: 'bill and comparison for a program; exit status 1 when they differ' },
  ]);
}
