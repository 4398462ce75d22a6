import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('usage/', import.meta.url));

/** The names that golden readings stand under. */
export function goldenNames(): string[] {
  return globSync('**/*.json', { cwd: folder }).map((file) => file.replace(/\.json$/u, ''));
}

/** Undefined where there is none. */
export function readGolden(name: string): unknown {
  const file = `${folder}${name}.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

export function writeGolden(name: string, value: unknown): void {
  const file = `${folder}${name}.json`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

export function removeGolden(name: string): void {
  rmSync(`${folder}${name}.json`);
}
