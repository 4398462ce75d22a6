import type { Clock, Context, Terminal } from '../../src/context.ts';
import { run } from '../../src/run.ts';
import { readSettings, type Environment } from '../../src/settings.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A terminal that remembers. */
class Paper implements Terminal {
  text = '';
  private readonly waiting = new Set<() => void>();
  readonly interactive = false;
  readonly colour = false;
  write(text: string): void {
    this.text += text;
    for (const look of this.waiting) look();
  }
  async drained(): Promise<void> {}
  /** Resolves once this stands there. */
  async until(pattern: RegExp): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!pattern.test(this.text)) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
  }
}

export interface TestContext extends Context {
  readonly out: Paper;
  readonly err: Paper;
}

/** Monday, 23 November 2026, 10:20:30.456 UTC. */
const testNow = Date.UTC(2026, 10, 23, 10, 20, 30, 456);

/**
 * Moves on by a millisecond with each look and by what is slept. Patience that can be called off is real; a pause between
 * two looks is short, and moves the clock as if it were not.
 */
export function testClock(): Clock {
  let now = testNow;
  return {
    now: () => {
      now += 1;
      return now;
    },
    sleep: async (ms, signal) => {
      now += ms;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, signal === undefined ? Math.min(ms, 5) : ms);
        signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}

export function testContext(environment: Environment = {}, clock = testClock()): TestContext {
  return {
    environment,
    get settings() {
      return readSettings(environment);
    },
    out: new Paper(),
    err: new Paper(),
    clock,
    exitCode: 0,
  };
}

/** Runs `tollgate` with these arguments, inside this process. */
export async function runCli(
  args: readonly string[],
  environment: Environment = {},
  clock = testClock(),
): Promise<Ran> {
  const context = testContext(environment, clock);
  const status = await run(args, context);
  return { status, out: context.out.text, err: context.err.text };
}
