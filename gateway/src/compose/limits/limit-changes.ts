import type { ChangeLimits } from '@tollgate/contract/admin-api/budgets.ts';
import type { LimitsByNode } from './limit-book.ts';
import type { Config } from '#config-sections.ts';
import { configJsonSchema } from '#config/json-schema.ts';
import { showPath } from '#config/problem.ts';
import { problemsOfIssue, type KnownKeys } from '#config/schema-problems.ts';
import type { LimitsChange } from '#directory/directory.ts';
import { Failure } from '#kernel/errors.ts';
import { suggestion } from '#kernel/suggest.ts';
import type { SubscriptionDirectory } from '#model/caller.ts';
import { limitFindings, limitMembers, nodeLimits, type LimitSettings } from '#model/limit-settings.ts';

/** What there is that can be limited, and what the configuration limits already. */
export interface LimitedWorld {
  readonly config: Pick<Config, 'organisation' | 'costCentres' | 'consumers'>;
  readonly directory: SubscriptionDirectory;
  readonly declared: LimitsByNode;
}

const knownKeys: KnownKeys = configJsonSchema([
  { name: 'limits', summary: '', keys: limitMembers, references: [], check: () => [] },
]);

/** The longest text of settings on the audit trail; more is told by its beginning. */
const mostAudited = 2000;

/** The change, or a Failure with everything that is wrong with any of it. */
export function limitsChange({ changes, reason }: ChangeLimits, world: LimitedWorld): LimitsChange {
  const all = Object.entries(changes);
  const names = new Names(world);
  const problems = all.flatMap(([node, settings]) => [
    ...nodeProblems(node, names),
    ...(settings === null ? [] : settingProblems(settings).map((problem) => `${node}: ${problem}`)),
  ]);
  if (all.length === 0) problems.push('changes: it names no node');
  const readOnly = all.filter(([node]) => world.declared.has(node)).map(([node]) => node);
  if (problems.length > 0) throw new Failure('admin_invalid', 'The limits cannot be set.', { details: problems });
  if (readOnly.length > 0)
    throw new Failure('admin_read_only', 'The configuration file limits these nodes.', { details: readOnly });
  const texts = all.map(([node, settings]) => ({
    node,
    settings: settings === null ? null : JSON.stringify(settings),
  }));
  return {
    change: { kind: 'limits-changed', changes: texts },
    audited: texts.map(({ node, settings }) => ({
      action: 'limits.change',
      subject: `${node}: ${(settings ?? 'removed').slice(0, mostAudited)}: ${reason}`,
    })),
  };
}

/** Settings that `settingProblems` has nothing against. */
export const limitsOf = (settings: unknown): LimitSettings => nodeLimits.parse(settings);

/** What is wrong with settings, in the words that the configuration's loader has for it. */
export function settingProblems(settings: unknown): readonly string[] {
  const parsed = nodeLimits.safeParse(settings);
  if (!parsed.success)
    return parsed.error.issues
      .flatMap((issue) => problemsOfIssue(issue, { root: settings, schema: knownKeys }))
      .map(problemText);
  return limitFindings(parsed.data, []).map(({ path, message, fix }) =>
    problemText({ path, message, fix: fix ?? null }),
  );
}

function problemText({
  path,
  message,
  fix,
}: {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly fix: string | null;
}): string {
  const place = showPath(path);
  const what = place === '' ? message : `${place}: ${message}`;
  return fix === null ? what : `${what}. ${fix}`;
}

const shape = /^(organisation|cost-centre|consumer|product|subscription)\/([^/]+)(\/per-(?:subscription|end-user))?$/;
const nodeKinds = 'organisation/…, cost-centre/…, consumer/…, product/…, subscription/…';

export function nodeProblems(node: string, names: Names): readonly string[] {
  const [, kind, name = '', each] = shape.exec(node) ?? [];
  if (kind === undefined || (each !== undefined && kind !== 'product'))
    return [`${node}: it is no node that limits can be set for. Known: ${nodeKinds}`];
  const known = names.of(kind);
  if (known.has(name)) return [];
  return [`${node}: there is no ${kind.replace('-', ' ')} '${name}'. ${suggestion(name, [...known]) ?? ''}`.trimEnd()];
}

/** The names of each kind, looked up once: there may be ten thousand. */
export class Names {
  readonly #world: LimitedWorld;
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(world: LimitedWorld) {
    this.#world = world;
  }

  of(kind: string): ReadonlySet<string> {
    const known = this.#known.get(kind) ?? namesOf(kind, this.#world);
    this.#known.set(kind, known);
    return known;
  }
}

function namesOf(kind: string, { config, directory }: LimitedWorld): ReadonlySet<string> {
  if (kind === 'organisation') return new Set([config.organisation]);
  if (kind === 'cost-centre') return new Set(Object.keys(config.costCentres));
  if (kind === 'product') return new Set(directory.products.keys());
  if (kind === 'subscription') return new Set(directory.subscriptions.keys());
  const charged = [...directory.subscriptions.values()].map(({ consumer }) => consumer);
  return new Set([...Object.keys(config.consumers), ...charged]);
}
