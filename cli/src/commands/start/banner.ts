import path from 'node:path';
import type { Terminal } from '#context.ts';
import { invocation } from '#command-tree.ts';
import { styled } from '#output/style.ts';
import type { Environment } from '#settings.ts';
import { demoKeysFile, type DemoKeys } from './demo-keys.ts';
import type { Addresses } from './readiness.ts';

export interface Facts {
  readonly addresses: Addresses;
  readonly twinPort: number | undefined;
  readonly dataFolder: string;
  readonly configFile: string;
  readonly keys: DemoKeys | undefined;
  readonly environment: Environment;
}

const nameOf = (file: string): string => {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
};

/** The same call on the classic surface, as every Azure OpenAI client makes it; in POSIX quotes, ready to be pasted. */
export function curl({ addresses }: Pick<Facts, 'addresses'>, key: string): string {
  const url = `http://${addresses.host}:${addresses.port}/openai/deployments/gpt-5.4-mini/chat/completions?api-version=2024-10-21`;
  return [
    `curl '${url}' \\`,
    `  -H 'api-key: ${key}' -H 'content-type: application/json' \\`,
    `  -d '{"messages":[{"role":"user","content":"Say hello to Marketing."}]}'`,
  ].join('\n');
}

/** A command in another terminal finds this gateway only if it is told what was set here. */
function prefix(environment: Environment): string {
  return ['TOLLGATE_DATA', 'TOLLGATE_PORT', 'TOLLGATE_ADMIN_PORT', 'TOLLGATE_TWIN_PORT']
    .filter((name) => (environment[name] ?? '') !== '')
    .map(
      (name) => `${name}=${/^[\w./-]+$/.test(environment[name] ?? '') ? environment[name] : `'${environment[name]}'`} `,
    )
    .join('');
}

export function banner(terminal: Pick<Terminal, 'colour'>, facts: Facts): string {
  const { addresses, twinPort, dataFolder, configFile, keys, environment } = facts;
  const bold = (text: string): string => styled(terminal, 'bold', text);
  const command = `${prefix(environment)}${invocation}`;
  const lines = [
    bold('Tollgate is ready.'),
    '',
    `  data plane     http://${addresses.host}:${addresses.port}`,
    `  admin API      http://127.0.0.1:${addresses.adminPort}   (token: ${nameOf(path.join(dataFolder, 'admin-token'))})`,
    ...(twinPort === undefined ? [] : [`  Azure twin     http://127.0.0.1:${twinPort}   (no Azure account needed)`]),
    `  configuration  ${nameOf(configFile)}`,
    `  data folder    ${nameOf(dataFolder)}`,
  ];
  if (keys !== undefined) {
    lines.push(
      '',
      `  keys           marketing  ${keys.marketing}`,
      `                 finance    ${keys.finance}`,
      `                 (kept in ${nameOf(demoKeysFile(dataFolder))})`,
      '',
      bold('Try it:'),
      '',
      curl(facts, keys.marketing),
      '',
      `  ${command} demo     # sample traffic as Marketing and Finance, then the bill`,
    );
  } else lines.push('');
  lines.push(
    `  ${command} usage    # what every team used, and what it cost`,
    '',
    'Ctrl-C stops it: calls in flight finish first. The log follows, one line a request.',
    '',
  );
  return `${lines.join('\n')}\n`;
}
