import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface GatewayProcess {
  readonly url: string;
  readonly adminUrl: string;
  readonly pid: number;
  readonly dataFolder: string;
  /** Its exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Lets it drain and end; resolves with everything that it said. */
  stop(): Promise<string>;
  /** Where its configuration is, for another one in its place. */
  readonly folder: string;
  /** Ends it at once, with nothing written any more. */
  kill(): Promise<void>;
}

/** A gateway in a process of its own, on a folder of its own; ended with the test. */
export async function startGatewayProcess(
  context: Pick<TestContext, 'after'>,
  options: {
    readonly config: string;
    readonly environment: Readonly<Record<string, string>>;
    /** Of one that was killed: goes on in its place. */
    readonly folder?: string;
  },
): Promise<GatewayProcess> {
  const folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'tollgate-process-'));
  const configFile = path.join(folder, 'tollgate.yaml');
  const dataFolder = path.join(folder, 'data');
  writeFileSync(configFile, options.config);
  const child = spawn(process.execPath, [main, '--config', configFile, '--data', dataFolder], {
    env: { ...process.env, ...options.environment, TOLLGATE_PORT: '0', TOLLGATE_ADMIN_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const stop = async (): Promise<string> => {
    child.kill('SIGTERM');
    await exited;
    return said;
  };
  context.after(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const { port, adminPort } = await portsOf(child);
  return {
    url: `http://127.0.0.1:${port}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    pid: child.pid ?? 0,
    dataFolder,
    exited,
    stop,
    folder,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The ports that it says it listens on. Rejects with everything that it said where it ends first. */
function portsOf(child: ChildProcess): Promise<{ readonly port: string; readonly adminPort: string }> {
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (text: Buffer): void => {
      said += text.toString();
      const [, port, adminPort] = /"port":(\d+),"adminPort":(\d+).*"msg":"listening"/.exec(said) ?? [];
      if (port !== undefined && adminPort !== undefined) resolve({ port, adminPort });
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('close', () => reject(new Error(`The gateway ended before it listened: ${said}`)));
  });
}
