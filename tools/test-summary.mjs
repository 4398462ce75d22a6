// A reporter for `node --test` that writes what the spec reporter leaves out or scrolls away: which suites were skipped
// and why, the names of what failed, and the numbers as the last line.
import { relative } from 'node:path';

/** Event -> the path of a test, as far as the event tells it. */
const where = (data) => (data.file === undefined ? '' : relative(process.cwd(), data.file));

const isSkipped = (data) => data.skip !== undefined && data.skip !== false;

function tally(counts, data, failed) {
  if (data.details?.type === 'suite') return;
  if (isSkipped(data)) counts.skipped += 1;
  else if (failed) counts.failed += 1;
  else counts.passed += 1;
}

function skippedLine(data) {
  const reason = typeof data.skip === 'string' && data.skip !== '' ? data.skip : 'no reason given';
  return `${where(data)}: ${reason}`;
}

function block(title, lines) {
  return lines.length === 0 ? '' : `\n${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

async function* summary(events) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const skipped = new Map();
  const failures = [];
  const started = process.hrtime.bigint();
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const failed = type === 'test:fail';
    tally(counts, data, failed);
    if (isSkipped(data)) skipped.set(skippedLine(data), (skipped.get(skippedLine(data)) ?? 0) + 1);
    // A suite that failed only because a test in it did is not named: the test is.
    else if (failed && data.details?.error?.failureType !== 'subtestsFailed')
      failures.push(`${where(data)}: ${data.name}`);
  }
  yield block(
    'Skipped:',
    [...skipped].map(([line, times]) => (times === 1 ? line : `${line} (${times} tests)`)),
  );
  yield block('Failed:', failures);
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000;
  yield `\ntests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped, in ${seconds.toFixed(1)} s\n`;
}

// oxlint-disable-next-line import/no-default-export -- node:test takes a reporter from the default export
export default summary;
