import type { Context, Terminal } from '../../src/context.ts';
import { run } from '../../src/run.ts';
import { readSettings, type Environment } from '../../src/settings.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A terminal that remembers. */
export class Paper implements Terminal {
  text = '';
  readonly interactive: boolean;
  readonly colour: boolean;
  constructor(look: { readonly interactive?: boolean; readonly colour?: boolean } = {}) {
    this.interactive = look.interactive ?? false;
    this.colour = look.colour ?? false;
  }
  write(text: string): void {
    this.text += text;
  }
}

export interface TestContext extends Context {
  readonly out: Paper;
  readonly err: Paper;
}

/** Monday, 23 November 2026, 10:20:30.456 UTC; moves on by a millisecond with each look and by what is slept. */
export const testNow = Date.UTC(2026, 10, 23, 10, 20, 30, 456);

export function testContext(environment: Environment = {}, colour = false): TestContext {
  let now = testNow;
  return {
    environment,
    get settings() {
      return readSettings(environment);
    },
    out: new Paper({ colour }),
    err: new Paper({ colour }),
    clock: {
      now: () => {
        now += 1;
        return now;
      },
      sleep: async (ms, signal) => {
        now += ms;
        // Real work of other processes goes on meanwhile.
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(ms, 5));
          signal?.addEventListener('abort', () => {
            clearTimeout(timer);
            resolve();
          });
        });
      },
    },
    exitCode: 0,
  };
}

/** Runs `tollgate` with these arguments, inside this process. */
export async function runCli(args: readonly string[], environment: Environment = {}): Promise<Ran> {
  const context = testContext(environment);
  const status = await run(args, context);
  return { status, out: context.out.text, err: context.err.text };
}
