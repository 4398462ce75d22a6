import { rmSync } from 'node:fs';
import { chatModel } from '#load/requests.ts';
import { BareProcess } from '#processes/bare-process.ts';
import type { BenchEndpoint } from '#processes/config.ts';
import { GatewayProcess } from '#processes/gateway-process.ts';
import type { Stage } from '#stage.ts';

/** A program in front of the static upstream. */
export interface UnderTest {
  readonly port: number;
  readonly pid: number;
  /** The key that requests carry; the bare proxy looks at none. */
  readonly callerKey: string;
  /** Null for the bare proxy, which has no ledger. */
  readonly gateway: GatewayProcess | null;
  /** Resolves when it has nothing left to do. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBare(stage: Stage): Promise<UnderTest> {
  const bare = await BareProcess.start(stage.children, stage.driver.upstreamPort);
  return {
    port: bare.port,
    pid: bare.pid,
    callerKey: 'none',
    gateway: null,
    settled: () => Promise.resolve(),
    stop: () => bare.stop(),
  };
}

export interface GatewayUnderTest {
  /** With limits and budgets; default: yes. */
  readonly limited?: boolean;
  /** Traces every call and exports it; default: no. */
  readonly traced?: boolean;
  readonly nodeOptions?: readonly string[];
}

export async function startGateway(stage: Stage, options: GatewayUnderTest = {}): Promise<UnderTest> {
  const folder = stage.newFolder('gateway');
  const upstream = `http://127.0.0.1:${stage.driver.upstreamPort}`;
  // Two, so that every request makes the choice that a pool of endpoints asks for.
  const endpoints = ['westeurope', 'swedencentral'].map((region): BenchEndpoint => {
    return {
      name: `payg-${region}`,
      model: chatModel,
      resource: `${upstream}/${region}`,
      region,
      deployment: chatModel,
      type: 'GlobalStandard',
    };
  });
  const gateway = await GatewayProcess.start(stage.children, {
    folder,
    endpoints,
    upstreamKey: 'the-static-upstream-looks-at-no-key',
    limited: options.limited ?? true,
    collector: options.traced === true ? stage.driver.collectorPort : null,
    nodeOptions: options.nodeOptions ?? [],
  });
  return {
    port: gateway.port,
    pid: gateway.pid,
    callerKey: gateway.callerKey,
    gateway,
    settled: () => gateway.settled(),
    stop: async () => {
      await gateway.stop();
      // A round leaves some hundred megabytes of journal and store.
      if (!stage.options.keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}
