import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ledgerVerifySchema } from '@tollgate/contract/admin-api/operations.ts';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import { ledgerLagSchema, usageReportSchema } from '@tollgate/contract/usage.ts';
import type { ReportDimension, UsageReport } from '@tollgate/contract/usage.ts';
import type { TelemetryCount } from '#results.ts';
import type { Children } from './children.ts';
import { benchConfig, callerKeyVariable, upstreamKeyVariable } from './config.ts';
import type { BenchEndpoint } from './config.ts';
import { freePorts } from './free-port.ts';
import { get, getJson } from './get-json.ts';
import { gatewayMain } from './paths.ts';

export interface GatewayOptions {
  /** A new folder for configuration, data and log. */
  readonly folder: string;
  readonly endpoints: readonly BenchEndpoint[];
  readonly upstreamKey: string;
  readonly limited: boolean;
  /** The port of a collector for every span and metric; null: telemetry is off. */
  readonly collector?: number | null;
  /** Given to Node before the program. */
  readonly nodeOptions?: readonly string[];
}

const startPatienceMs = 30_000;
const settlePatienceMs = 120_000;

/** Every call: no caller keeps a trace here, and the share is all of them. */
function telemetryEnvironment(collector: number | null): Readonly<Record<string, string>> {
  return collector === null
    ? {}
    : { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector}`, OTEL_TRACES_SAMPLER: 'always_on' };
}

/** The gateway as a user starts it, with a data folder of its own and its log in a file. */
export class GatewayProcess {
  readonly port: number;
  readonly callerKey: string;
  readonly dataFolder: string;
  readonly #adminPort: number;
  readonly #child: ChildProcess;
  readonly #children: Children;
  readonly #errorLog: string;
  readonly #collector: number | null;

  private constructor(children: Children, options: GatewayOptions, ports: readonly number[]) {
    const [port = 0, adminPort = 0] = ports;
    this.#children = children;
    this.#collector = options.collector ?? null;
    this.port = port;
    this.#adminPort = adminPort;
    this.callerKey = `tg_${randomBytes(32).toString('base64url')}`;
    this.dataFolder = join(options.folder, 'data');
    this.#errorLog = join(options.folder, 'gateway.errors');
    mkdirSync(options.folder, { recursive: true });
    const config = join(options.folder, 'tollgate.yaml');
    writeFileSync(config, benchConfig(options.endpoints, options.limited));
    const out = openSync(join(options.folder, 'gateway.log'), 'a');
    const errors = openSync(this.#errorLog, 'a');
    this.#child = children.start(
      [...(options.nodeOptions ?? []), gatewayMain, '--config', config, '--data', this.dataFolder],
      {
        core: 'under-test',
        stdio: ['ignore', out, errors],
        env: {
          TOLLGATE_PORT: String(port),
          TOLLGATE_ADMIN_PORT: String(adminPort),
          [callerKeyVariable]: this.callerKey,
          [upstreamKeyVariable]: options.upstreamKey,
          ...telemetryEnvironment(options.collector ?? null),
        },
      },
    );
    closeSync(out);
    closeSync(errors);
  }

  /** Resolves when it serves requests. Rejects with what it wrote to stderr when it does not start. */
  static async start(children: Children, options: GatewayOptions): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(children, options, await freePorts(2));
    const deadline = Date.now() + startPatienceMs;
    while (!(await gateway.#isReady())) {
      const ended = gateway.#child.exitCode ?? gateway.#child.signalCode;
      if (ended !== null || Date.now() > deadline) {
        const said = readFileSync(gateway.#errorLog, 'utf8').trim();
        throw new Error(
          `the gateway did not start (${ended === null ? 'not ready in 30 s' : `exit ${ended}`}):\n${said}`,
        );
      }
      await sleep(25);
    }
    return gateway;
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the gateway was never started');
    return pid;
  }

  /** Resolves when the store holds everything that the journal holds and nothing is in flight. */
  async settled(): Promise<void> {
    const deadline = Date.now() + settlePatienceMs;
    for (;;) {
      const lag = ledgerLagSchema.parse(await this.#admin('ledger/lag'));
      if (lag.records === 0 && lag.openAttempts === 0) return;
      if (Date.now() > deadline) {
        throw new Error(`the ledger lags: ${lag.records} records to store, ${lag.openAttempts} attempts not settled`);
      }
      await sleep(50);
    }
  }

  /** Waits until what is exported stands still. */
  async telemetry(): Promise<TelemetryCount> {
    const deadline = Date.now() + settlePatienceMs;
    let before: TelemetryCount | undefined;
    for (;;) {
      const now = await this.#telemetryNow();
      if (before !== undefined && now.exported + now.dropped === before.exported + before.dropped) return now;
      if (Date.now() > deadline) throw new Error('the export of telemetry does not come to an end');
      before = now;
      // Longer than the gateway collects before it sends.
      await sleep(1_500);
    }
  }

  async usage(by: ReportDimension): Promise<UsageReport> {
    return usageReportSchema.parse(await this.#admin(`usage?by=${by}&waitMs=60000`));
  }

  async verifyLedger(): Promise<LedgerVerification> {
    return ledgerVerifySchema.parse(await this.#admin('ledger/verify', 'POST'));
  }

  /** Drains it; rejects unless it ends with 0. */
  async stop(): Promise<void> {
    const code = await this.#children.stop(this.#child);
    if (code !== 0) throw new Error(`the gateway ended with ${String(code)}:\n${readFileSync(this.#errorLog, 'utf8')}`);
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await get({ port: this.port, path: '/readyz' })).status === 200;
    } catch {
      return false; // nobody listens yet
    }
  }

  async #telemetryNow(): Promise<TelemetryCount> {
    const token = readFileSync(join(this.dataFolder, 'admin-token'), 'utf8').trim();
    const headers = { authorization: `Bearer ${token}` };
    const { text } = await get({ port: this.#adminPort, path: '/metrics', headers });
    const lines = text.split('\n');
    const of = (name: string): number => {
      const start = `tollgate_telemetry_${name} `;
      return Number(lines.find((line) => line.startsWith(start))?.slice(start.length) ?? 0);
    };
    const spans = '{exporter="otlp",signal="spans"}';
    return {
      exported: of(`exported_total${spans}`),
      dropped: of(`dropped_total${spans}`) + 2 * of('calls_dropped_total'),
      collectorBytes: await this.#collectorBytes(),
    };
  }

  async #collectorBytes(): Promise<number> {
    if (this.#collector === null) return 0;
    return Number((await get({ port: this.#collector, path: '/' })).text);
  }

  async #admin(path: string, method: 'GET' | 'POST' = 'GET'): Promise<unknown> {
    const token = readFileSync(join(this.dataFolder, 'admin-token'), 'utf8').trim();
    const headers = { authorization: `Bearer ${token}` };
    return await getJson({ port: this.#adminPort, path: `/admin/v1/${path}`, method, headers });
  }
}
