// Writes docs/reference/ and docs/samples/, which are generated and never edited.
//
//   node tools/generate-reference.ts          writes every page
//   node tools/generate-reference.ts --check  fails where a committed page is not what would be written
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateAdminReference } from './reference/admin-api.ts';
import { generateCliReference } from './reference/cli.ts';
import { generateConfigSchema } from './reference/config-schema.ts';
import { generateConfigReference } from './reference/config.ts';
import { generateErrorReference } from './reference/errors.ts';
import { generateFocusReference } from './reference/focus.ts';
import { generateTelemetryReference } from './reference/telemetry.ts';
import { sampleGenerators } from './samples/samples.ts';

export interface Generator {
  /** From the root of the repository. */
  readonly path: string;
  /** The same text each time, whatever the machine, the day and the environment. */
  readonly generate: () => string | Promise<string>;
}

/** Every generated page. A new one is a line here. */
export const generators: readonly Generator[] = [
  { path: 'docs/reference/config.md', generate: generateConfigReference },
  { path: 'docs/reference/tollgate.schema.json', generate: generateConfigSchema },
  { path: 'docs/reference/errors.md', generate: generateErrorReference },
  { path: 'docs/reference/admin-api.md', generate: generateAdminReference },
  { path: 'docs/reference/cli.md', generate: generateCliReference },
  { path: 'docs/reference/focus.md', generate: generateFocusReference },
  { path: 'docs/reference/telemetry.md', generate: generateTelemetryReference },
  ...sampleGenerators,
];

export interface Drift {
  readonly path: string;
  /** A few lines that say what differs. */
  readonly summary: readonly string[];
}

const shownLines = 5;

function shown(mark: string, lines: readonly string[]): readonly string[] {
  const more = lines.length > shownLines ? [`${mark} … ${lines.length - shownLines} more`] : [];
  return [...lines.slice(0, shownLines).map((line) => `${mark} ${line}`), ...more];
}

/** How a page differs from what would be written; undefined where it does not. */
export function driftOf(path: string, committed: string | undefined, generated: string): Drift | undefined {
  if (committed === generated) return undefined;
  if (committed === undefined) return { path, summary: ['it does not exist'] };
  const [old, fresh] = [committed.split('\n'), generated.split('\n')];
  const gone = old.filter((line) => !fresh.includes(line));
  const added = fresh.filter((line) => !old.includes(line));
  const summary = [...shown('-', gone), ...shown('+', added)];
  return { path, summary: summary.length === 0 ? ['the same lines in another order'] : summary };
}

/** Compares every page under `root` with what its generator writes. */
export async function findDrift(root: URL, pages: readonly Generator[]): Promise<readonly Drift[]> {
  const drifts = await Promise.all(
    pages.map(async ({ path, generate }) => driftOf(path, readIfThere(new URL(path, root)), await generate())),
  );
  return drifts.filter((one) => one !== undefined);
}

function readIfThere(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

async function writeAll(root: URL): Promise<void> {
  for (const { path, generate } of generators) {
    const file = new URL(path, root);
    mkdirSync(dirname(fileURLToPath(file)), { recursive: true });
    writeFileSync(file, await generate());
    console.log(path);
  }
}

if (import.meta.main) {
  const root = new URL('../', import.meta.url);
  if (process.argv.includes('--check')) {
    const drifts = await findDrift(root, generators);
    for (const { path, summary } of drifts) console.error([`${path} is out of date:`, ...summary].join('\n  '));
    if (drifts.length > 0) {
      console.error('Run `npm run docs` and commit what it writes.');
      process.exitCode = 1;
    }
  } else await writeAll(root);
}
