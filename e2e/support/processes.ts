import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The command line's program. */
export const cli = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url));

/** Resolves when the child has printed the text; rejects with what it said when it ends before. */
export function printed(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes(text)) resolve();
      });
    }
    child.once('exit', () => reject(new Error(said)));
  });
}
