import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseTemplate } from './parse.ts';
import { BicepSyntaxError, type Problem } from './problem.ts';
import type { Template } from './syntax.ts';

/** The texts of a folder of templates, by path relative to it, with `/`. Parsed once each. */
export class TemplateSet {
  readonly #files: ReadonlyMap<string, string>;
  readonly #parsed = new Map<string, Template>();

  constructor(files: ReadonlyMap<string, string>) {
    this.#files = files;
  }

  get files(): readonly string[] {
    return [...this.#files.keys()].filter((name) => name.endsWith('.bicep'));
  }

  /** Every file that does not parse, with its line. */
  syntaxProblems(): Problem[] {
    const problems: Problem[] = [];
    for (const file of this.files) {
      try {
        this.get(file);
      } catch (thrown) {
        if (!(thrown instanceof BicepSyntaxError)) throw thrown;
        problems.push({ rule: 'syntax', file, line: thrown.line, message: thrown.message });
      }
    }
    return problems;
  }

  get(file: string): Template {
    const known = this.#parsed.get(file);
    if (known !== undefined) return known;
    const template = parseTemplate(file, this.readFile(file));
    this.#parsed.set(file, template);
    return template;
  }

  has(file: string): boolean {
    return this.#files.has(file);
  }

  readFile(file: string): string {
    const text = this.#files.get(file);
    if (text === undefined) throw new Error(`There is no file ${file}`);
    return text;
  }
}

/** Reads every file below a folder. */
export function readTemplates(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const full = path.join(entry.parentPath, entry.name);
    files.set(path.relative(folder, full).split(path.sep).join('/'), readFileSync(full, 'utf8'));
  }
  return files;
}
