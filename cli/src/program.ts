import { Command } from 'commander';
import { doesSomething, invocation, walk } from './command-tree.ts';
import { addBudgetEvents } from './commands/budget/events.ts';
import { addBudgetExplain } from './commands/budget/explain.ts';
import { addBudgetList } from './commands/budget/list.ts';
import { addBudgetSet } from './commands/budget/set.ts';
import { addBudgetSimulate } from './commands/budget/simulate.ts';
import { addBudgetShow } from './commands/budget/show.ts';
import { addBudgetRevoke, addBudgetTopUp, addBudgetTopUps } from './commands/budget/top-up.ts';
import { addCompletion } from './commands/completion/completion.ts';
import { addConfigCheck } from './commands/config/check.ts';
import { addConfigDiff } from './commands/config/diff.ts';
import { addConfigImport } from './commands/config/import.ts';
import { addConfigPush } from './commands/config/push.ts';
import { addConfigReload } from './commands/config/reload.ts';
import { addConfigShow } from './commands/config/show.ts';
import { addCountersList } from './commands/counters/list.ts';
import { addCountersWriteOff } from './commands/counters/write-off.ts';
import { addDemo } from './commands/demo/demo.ts';
import { addDeploymentsList } from './commands/deployments/list.ts';
import { addExportCsv, addExportJson } from './commands/export/charges.ts';
import { addExportCheck } from './commands/export/check.ts';
import { addExportFocus } from './commands/export/focus.ts';
import { addExportKey } from './commands/export/key.ts';
import { addExportStatement } from './commands/export/statement.ts';
import { addExportVerify } from './commands/export/verify.ts';
import { addBatchesList } from './commands/batches/list.ts';
import { addBatchesWriteOff } from './commands/batches/write-off.ts';
import { addLedgerBackup } from './commands/ledger/backup.ts';
import { addLedgerReship } from './commands/ledger/reship.ts';
import { addLedgerRestore } from './commands/ledger/restore.ts';
import { addDoctor } from './commands/doctor/doctor.ts';
import { addDeploymentsOverride } from './commands/deployments/override.ts';
import { addDeploymentsReset } from './commands/deployments/reset.ts';
import { addLedgerHeld } from './commands/ledger/held.ts';
import { addLedgerVerify } from './commands/ledger/verify.ts';
import { addLedgerWriteOff } from './commands/ledger/write-off.ts';
import { addPricesList } from './commands/prices/list.ts';
import { addPricesSync } from './commands/prices/sync.ts';
import { addProductCreate } from './commands/product/create.ts';
import { addProductList } from './commands/product/list.ts';
import { addPtuAllocate } from './commands/ptu/allocate.ts';
import { addPtuBreakEven } from './commands/ptu/break-even.ts';
import { addRerate } from './commands/rerate/rerate.ts';
import { addRouteExplain } from './commands/route/explain.ts';
import { addRouteShow } from './commands/route/show.ts';
import { addRouteSimulate } from './commands/route/simulate.ts';
import { addStart } from './commands/start/start.ts';
import { addSubscriptionCreate } from './commands/subscription/create.ts';
import { addSubscriptionList } from './commands/subscription/list.ts';
import { addSubscriptionRegenerate } from './commands/subscription/regenerate.ts';
import { addSubscriptionShow } from './commands/subscription/show.ts';
import { addSubscriptionActivate, addSubscriptionSuspend } from './commands/subscription/state.ts';
import { addTwin } from './commands/twin/twin.ts';
import { addUsage } from './commands/usage/usage.ts';
import { addVersion, ownVersion } from './commands/version/version.ts';
import type { Context } from './context.ts';
import { environmentVariables } from './settings.ts';

type Add = (parent: Command, context: Context) => void;

interface Noun {
  readonly name: string;
  readonly description: string;
  readonly verbs: readonly Add[];
}

/** What stands in the help and in the reference, in this order. */
const tree: readonly (Add | Noun)[] = [
  addStart,
  addDemo,
  addTwin,
  addDoctor,
  addUsage,
  addRerate,
  {
    name: 'export',
    description: 'Files for finance: statements, FOCUS, CSV, JSON; signatures.',
    verbs: [
      addExportStatement,
      addExportFocus,
      addExportCsv,
      addExportJson,
      addExportCheck,
      addExportVerify,
      addExportKey,
    ],
  },
  {
    name: 'subscription',
    description: 'Who may call: subscriptions and their keys.',
    verbs: [
      addSubscriptionList,
      addSubscriptionShow,
      addSubscriptionCreate,
      addSubscriptionRegenerate,
      addSubscriptionSuspend,
      addSubscriptionActivate,
    ],
  },
  {
    name: 'product',
    description: 'What a subscription may use, and on which terms.',
    verbs: [addProductList, addProductCreate],
  },
  {
    name: 'budget',
    description: 'Limits and budgets: what is left, what refused, what was told.',
    verbs: [
      addBudgetList,
      addBudgetShow,
      addBudgetSet,
      addBudgetTopUp,
      addBudgetTopUps,
      addBudgetRevoke,
      addBudgetExplain,
      addBudgetSimulate,
      addBudgetEvents,
    ],
  },
  {
    name: 'counters',
    description: 'Gateways that share limits and budgets.',
    verbs: [addCountersList, addCountersWriteOff],
  },
  { name: 'prices', description: 'What the deployments cost.', verbs: [addPricesList, addPricesSync] },
  {
    name: 'ptu',
    description: 'Provisioned deployments, which are paid by the hour.',
    verbs: [addPtuBreakEven, addPtuAllocate],
  },
  {
    name: 'ledger',
    description: 'The record of every call.',
    verbs: [addLedgerVerify, addLedgerHeld, addLedgerWriteOff, addLedgerReship, addLedgerBackup, addLedgerRestore],
  },
  {
    name: 'batches',
    description: 'Batches that run, or are not metered yet.',
    verbs: [addBatchesList, addBatchesWriteOff],
  },
  {
    name: 'deployments',
    description: 'The Azure OpenAI deployments behind the gateway.',
    verbs: [addDeploymentsList, addDeploymentsOverride, addDeploymentsReset],
  },
  {
    name: 'route',
    description: 'Where calls go, and why.',
    verbs: [addRouteExplain, addRouteShow, addRouteSimulate],
  },
  {
    name: 'config',
    description: 'The configuration file, and what is in force.',
    verbs: [addConfigCheck, addConfigShow, addConfigReload, addConfigDiff, addConfigPush, addConfigImport],
  },
  addCompletion,
  addVersion,
];

export const exitCodeTexts = [
  '0  done, and nothing is wrong',
  '1  something is wrong: the command failed, or found a problem',
  '2  the command was called wrongly',
  '3  no gateway is running where it was looked for',
] as const;

function footer(): string {
  const width = Math.max(...Object.keys(environmentVariables).map((name) => name.length));
  const variables = Object.entries(environmentVariables).map(([name, says]) => `  ${name.padEnd(width)}  ${says}`);
  return `
Environment:
${variables.join('\n')}

Exit status:
${exitCodeTexts.map((line) => `  ${line}`).join('\n')}

${invocation} <command> --help shows the options of a command, with examples.`;
}

/** The whole command tree. Output goes to the context; a wrong call throws CommanderError instead of exiting. */
export function buildProgram(context: Context): Command {
  const program = new Command('tollgate')
    .description('Tollgate, the AI gateway whose numbers are right: start it, ask it, keep its keys.')
    .enablePositionalOptions()
    .exitOverride()
    // npm takes `--help` for itself in `npx --no tollgate --help`; this word it passes on.
    .helpCommand('help [command]', 'Show what a command does; alone, everything.')
    .version(ownVersion(), '-V, --version', 'print the version of this command')
    .showHelpAfterError(`(${invocation} <command> --help shows what it takes)`)
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => context.out.write(text),
      writeErr: (text) => context.err.write(text),
      getOutHasColors: () => context.out.colour,
      getErrHasColors: () => context.err.colour,
    })
    .addHelpText('after', footer());
  for (const entry of tree) {
    if (typeof entry === 'function') entry(program, context);
    else {
      const noun = program.command(entry.name).description(entry.description).helpCommand(false);
      for (const add of entry.verbs) add(noun, context);
    }
  }
  for (const command of walk(program)) {
    // The twin's options are its own.
    if (doesSomething(command) && command.name() !== 'twin') {
      command.option('--debug', 'show the stack of an unexpected failure');
    }
  }
  return program;
}
