import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { Option, type Command } from 'commander';
import { adminClient } from '#admin/client.ts';
import { invocation, withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { project } from '#project.ts';
import type { Environment } from '#settings.ts';
import { banner } from './banner.ts';
import { Child, type ChildPlan } from './child.ts';
import { ensureDemoKeys } from './demo-keys.ts';
import { leaveTrace, refuseSecondInstance, removeTrace } from './instance.ts';
import { checkPorts, type WantedPort } from './ports.ts';
import { followAddresses, untilReady, type Addresses } from './readiness.ts';
import { supervise, type SignalSource } from './supervise.ts';

interface StartOptions {
  readonly config?: string;
  readonly twin?: boolean;
  readonly twinLatency: string;
}

const latencies = ['none', 'fast', 'realistic', 'slow'];
const readyWithinMs = 60_000;

/** What is to be started; tests put stand-ins in the place of the two programs. */
export interface StartPlan {
  readonly configFile: string;
  /** The demo configuration: its teams get keys. */
  readonly isDemo: boolean;
  readonly gateway: ChildPlan;
  readonly twin: ChildPlan | undefined;
  readonly ports: readonly WantedPort[];
}

const isSet = (environment: Environment, name: string): boolean => (environment[name] ?? '') !== '';

/** Ports of a configuration of one's own are known only where the environment sets them: it wins over the file. */
function wantedPorts(context: Context, { isDemo, withTwin }: { isDemo: boolean; withTwin: boolean }): WantedPort[] {
  const { settings, environment } = context;
  const ports: WantedPort[] = [];
  const add = (wanted: WantedPort, known: boolean): void => {
    if (known) ports.push(wanted);
  };
  const port = { port: settings.port, what: 'data plane', variable: 'TOLLGATE_PORT' };
  const adminPort = { port: settings.adminPort, what: 'admin API', variable: 'TOLLGATE_ADMIN_PORT' };
  add(port, isDemo || isSet(environment, 'TOLLGATE_PORT'));
  add(adminPort, isDemo || isSet(environment, 'TOLLGATE_ADMIN_PORT'));
  add({ port: settings.twinPort, what: 'Azure twin', variable: 'TOLLGATE_TWIN_PORT' }, withTwin);
  return ports;
}

function planFrom(context: Context, options: StartOptions): StartPlan {
  const { settings } = context;
  const own = options.config === undefined ? settings.configFile : path.resolve(options.config);
  const isDemo = own === undefined || own === project.demoConfig;
  const configFile = own ?? project.demoConfig;
  if (!existsSync(configFile)) {
    throw new CommandFailure(`There is no configuration ${configFile}.`, { exitCode: exitCodes.usage });
  }
  const withTwin = options.twin ?? isDemo;
  if (withTwin && settings.twinPort === 0) {
    throw new CommandFailure('TOLLGATE_TWIN_PORT must name a port: the configuration leads to it.', {
      exitCode: exitCodes.usage,
    });
  }
  const environment = {
    ...context.environment,
    TOLLGATE_DATA: settings.dataFolder,
    TOLLGATE_TWIN_PORT: String(settings.twinPort),
    TOLLGATE_TWIN_KEY: settings.twinKey,
    NODE_COMPILE_CACHE: project.compileCache,
  };
  return {
    configFile,
    isDemo,
    gateway: {
      name: 'gateway',
      script: project.gatewayMain,
      args: ['--config', configFile, '--data', settings.dataFolder],
      environment,
    },
    twin: withTwin
      ? {
          name: 'twin',
          script: project.twinMain,
          // The key stands in the environment: arguments are there for everybody on the machine to read.
          args: ['--port', String(settings.twinPort), '--latency', options.twinLatency],
          environment,
        }
      : undefined,
    ports: wantedPorts(context, { isDemo, withTwin }),
  };
}

function prepareDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw new CommandFailure(`The data folder ${folder} cannot be made.`, {
      hints: ['TOLLGATE_DATA names another one.'],
      cause: thrown,
    });
  }
}

interface Running {
  readonly gateway: Child;
  readonly twin: Child | undefined;
  readonly addresses: () => Addresses;
}

async function untilAllReady(context: Context, running: Running, giveUp: AbortSignal): Promise<boolean> {
  const { clock, settings } = context;
  const waits = [
    untilReady(() => `http://${running.addresses().host}:${running.addresses().port}/readyz`, clock, giveUp),
    ...(running.twin === undefined
      ? []
      : [untilReady(() => `http://127.0.0.1:${settings.twinPort}/_twin/health`, clock, giveUp)]),
  ];
  return (await Promise.all(waits)).every(Boolean);
}

async function announce(context: Context, plan: StartPlan, running: Running): Promise<void> {
  const { settings } = context;
  const addresses = running.addresses();
  const dataPlane = `http://${addresses.host}:${addresses.port}`;
  const { dataFolder } = settings;
  leaveTrace(dataFolder, { pid: process.pid, ...addresses, startedAt: new Date(context.clock.now()).toISOString() });
  const demo = plan.isDemo
    ? await ensureDemoKeys({
        admin: adminClient({ dataFolder, adminPort: addresses.adminPort }),
        dataPlane,
        dataFolder,
      })
    : undefined;
  if (demo?.outlived === true) context.err.write('A key of the demo worked no longer; there is a new primary key.\n');
  context.out.write(
    banner(context.out, {
      addresses,
      twinPort: running.twin === undefined ? undefined : settings.twinPort,
      dataFolder,
      configFile: plan.configFile,
      keys: demo?.keys,
      environment: context.environment,
    }),
  );
  running.gateway.forward({ output: (text) => context.out.write(text), error: (text) => context.err.write(text) });
  // What the twin says of itself is of no interest beside the gateway's log; what troubles it is.
  running.twin?.forward({ output: () => {}, error: (text) => context.err.write(`[twin] ${text}`) });
}

/** Starts what the plan says and lives as long as it lives; the exit status. */
export async function runPlan(context: Context, plan: StartPlan, signals: SignalSource): Promise<number> {
  const { settings } = context;
  prepareDataFolder(settings.dataFolder);
  await refuseSecondInstance(settings.dataFolder);
  await checkPorts(plan.ports);
  const tell = (line: string): void => context.err.write(`${line}\n`);
  tell(`Starting the gateway${plan.twin === undefined ? '' : ' and a twin of Azure OpenAI'} …`);
  const twin = plan.twin === undefined ? undefined : new Child(plan.twin);
  const gateway = new Child(plan.gateway);
  const expected = { host: '127.0.0.1', port: settings.port, adminPort: settings.adminPort };
  const running = { gateway, twin, addresses: followAddresses(gateway, expected) };
  const supervised = supervise({
    children: twin === undefined ? [gateway] : [gateway, twin],
    signals,
    clock: context.clock,
    tell,
  });
  const over = new AbortController();
  const ended = supervised.finished.finally(() => over.abort());
  try {
    const giveUp = AbortSignal.any([over.signal, AbortSignal.timeout(readyWithinMs)]);
    const ready = await Promise.race([untilAllReady(context, running, giveUp), ended]);
    if (ready === true) await Promise.race([announce(context, plan, running), ended]);
    else if (ready === false && !over.signal.aborted) {
      throw new CommandFailure(`Not ready after ${readyWithinMs / 1000} s.`, { hints: [gateway.lastWords()] });
    }
    return await ended;
  } catch (thrown) {
    supervised.stop();
    await ended;
    throw thrown;
  } finally {
    removeTrace(settings.dataFolder);
  }
}

export function addStart(parent: Command, context: Context): void {
  const command = parent
    .command('start')
    .description('Start a gateway, and with the demo configuration a twin of Azure OpenAI behind it.')
    .option('--config <file>', 'a configuration of your own (default: $TOLLGATE_CONFIG, else examples/demo.yaml)')
    .option('--twin', 'start the twin too, also with a configuration of your own')
    .option('--no-twin', 'start no twin')
    .addOption(new Option('--twin-latency <preset>', 'how fast the twin answers').choices(latencies).default('fast'))
    .action(async (options: StartOptions) => {
      context.exitCode = await runPlan(context, planFrom(context, options), process);
    });
  withExamples(command, [
    { line: 'start', says: 'the demo: what `npm start` does' },
    { line: 'start --config tollgate.yaml', says: 'your own configuration, no twin' },
  ]);
  command.addHelpText(
    'after',
    `\nIt stays in the foreground. SIGINT or SIGTERM drains it; a second one stops it at once.\nAnother terminal asks it: ${invocation} usage`,
  );
}
