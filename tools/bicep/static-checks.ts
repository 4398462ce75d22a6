import path from 'node:path';
import { contextFunctions, functions } from './functions.ts';
import type { Problem } from './problem.ts';
import { isDeclaration, type Declaration, type Expression, type Property, type Template } from './syntax.ts';
import type { TemplateSet } from './template-set.ts';
import { childrenOf, everyExpression, expressionsOf, freeNames } from './walk.ts';

type Statement = Template['statements'][number];
type Report = (rule: string, line: number, message: string) => void;

const decoratorNames = new Set([
  'allowed',
  'batchSize',
  'description',
  'maxLength',
  'maxValue',
  'metadata',
  'minLength',
  'minValue',
  'secure',
]);

/** What can be said about the templates without parameters: names, functions, modules, secrets in outputs, … */
export function checkStatically(templates: TemplateSet): Problem[] {
  return templates.files.flatMap((file) => {
    const problems: Problem[] = [];
    const report: Report = (rule, line, message) => problems.push({ rule, file, line, message });
    const template = templates.get(file);
    checkNames(template, report);
    checkCalls(template, report);
    checkDecorators(template, report);
    checkStartTimeValues(template, report);
    checkSecrets(template, report);
    for (const statement of template.statements)
      if (statement.kind === 'module') checkModule(templates, { file, module: statement, report });
    checkOutputsRead(templates, { template, report });
    return problems;
  });
}

function checkNames(template: Template, report: Report): void {
  const uses = template.statements.flatMap((statement) =>
    expressionsOf(statement).flatMap((expression) => freeNames(expression).map((use) => ({ ...use, from: statement }))),
  );
  const declared = template.statements.filter(({ kind }) => kind !== 'output');
  const names = new Set(declared.map(({ name }) => name));
  for (const { name, line } of uses)
    if (!names.has(name) && name !== 'az' && name !== 'sys')
      report('unknown-name', line, `nothing is called '${name}'`);
  for (const [at, { name, line }] of declared.entries())
    if (declared.findIndex((other) => other.name === name) !== at)
      report('duplicate-name', line, `'${name}' is declared twice`);
  for (const statement of declared) {
    const { name, kind, line } = statement;
    const used = uses.some((use) => use.name === name && use.from !== statement);
    if (used || kind === 'module' || (kind === 'resource' && !statement.existing)) continue;
    report('unused', line, `nothing uses the ${kind} '${name}'`);
  }
}

function checkCalls(template: Template, report: Report): void {
  for (const expression of template.statements.flatMap(expressionsOf).flatMap(everyExpression)) {
    if (expression.kind !== 'call' || !isOfLanguage(expression)) continue;
    const { name, args, line } = expression;
    const range = argumentsOf(name);
    if (range === undefined) report('unknown-function', line, `there is no function '${name}'`);
    else if (args.length < range[0] || args.length > range[1])
      report('function-arguments', line, `'${name}' takes ${range[0]} to ${range[1]} arguments, not ${args.length}`);
  }
}

/** Functions of the language, as against `account.listKeys()`. */
function isOfLanguage({ target }: Extract<Expression, { kind: 'call' }>): boolean {
  return target === undefined || (target.kind === 'name' && (target.name === 'sys' || target.name === 'az'));
}

function argumentsOf(name: string): readonly [number, number] | undefined {
  const own = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (own !== undefined) return [own.least, own.most];
  return Object.hasOwn(contextFunctions, name) ? contextFunctions[name] : undefined;
}

function checkDecorators(template: Template, report: Report): void {
  for (const { kind, name, line, decorators } of template.statements) {
    for (const decorator of decorators)
      if (!decoratorNames.has(decorator.name))
        report('decorator', decorator.line, `there is no decorator '@${decorator.name}'`);
    if (kind === 'param' && !decorators.some((one) => one.name === 'description'))
      report('description', line, `the parameter '${name}' is not described`);
  }
}

/** What a name reads: the chain of members from it on, `[]` for an index. */
export function readsOf(
  expression: Expression,
): { readonly name: string; readonly steps: readonly string[]; readonly line: number }[] {
  const chain = chainOf(expression);
  const inner = chain === undefined ? childrenOf(expression) : chain.others;
  const own = chain === undefined ? [] : [{ name: chain.name, steps: chain.steps, line: expression.line }];
  return [...own, ...inner.flatMap(readsOf)];
}

function chainOf(expression: Expression): { name: string; steps: string[]; others: Expression[] } | undefined {
  if (expression.kind === 'name') return { name: expression.name, steps: [], others: [] };
  if (expression.kind === 'assert') return chainOf(expression.target);
  if (expression.kind !== 'member' && expression.kind !== 'index') return undefined;
  const before = chainOf(expression.target);
  if (before === undefined) return undefined;
  if (expression.kind === 'member') return { ...before, steps: [...before.steps, expression.name] };
  const { index } = expression;
  const step = index.kind === 'literal' && typeof index.value === 'string' ? index.value : '[]';
  return { name: before.name, steps: [...before.steps, step], others: [...before.others, index] };
}

/** Members of a resource that are known before anything is deployed. */
const known = new Set(['name', 'id', 'type', 'apiVersion']);

/** Names, conditions, loops and scopes must be known before the deployment starts. */
function checkStartTimeValues(template: Template, report: Report): void {
  const byName = new Map(template.statements.filter(({ kind }) => kind !== 'output').map((one) => [one.name, one]));
  for (const declaration of template.statements.filter(isDeclaration)) {
    for (const { what, expression } of startTimeParts(declaration)) {
      const late = knownLate(expression, { byName, seen: new Set() });
      if (late === undefined) continue;
      const message = `the ${what} of '${declaration.name}' needs ${late}, which is known only while it is deployed`;
      report('known-too-late', expression.line, message);
    }
  }
}

/** What of an expression is known only while it is deployed, through variables too. */
function knownLate(
  expression: Expression,
  within: { readonly byName: ReadonlyMap<string, Statement>; readonly seen: ReadonlySet<string> },
): string | undefined {
  for (const { name, steps } of readsOf(expression)) {
    const statement = within.byName.get(name);
    if (statement === undefined) continue;
    if (isDeclaration(statement) && isRead(statement, steps)) return `${name}.${steps.join('.')}`;
    if (statement.kind !== 'var' || within.seen.has(name)) continue;
    const found = knownLate(statement.value, { ...within, seen: new Set([...within.seen, name]) });
    if (found !== undefined) return found;
  }
  return undefined;
}

function isRead({ kind }: Declaration, steps: readonly string[]): boolean {
  const first = steps.find((step) => step !== '[]');
  return first !== undefined && (kind === 'module' ? first !== 'name' : !known.has(first));
}

function startTimeParts({ loop, condition, body }: Declaration): { what: string; expression: Expression }[] {
  const parts: { what: string; expression: Expression }[] = [];
  if (loop !== undefined) parts.push({ what: 'loop', expression: loop.over });
  if (condition !== undefined) parts.push({ what: 'condition', expression: condition });
  for (const what of ['name', 'scope', 'parent']) {
    const expression = propertyOf(body.properties, what);
    if (expression !== undefined) parts.push({ what, expression });
  }
  return parts;
}

export function propertyOf(properties: readonly Property[], name: string): Expression | undefined {
  return properties.find(({ key }) => key.kind === 'literal' && key.value === name)?.value;
}

const isSecret = ({ decorators }: Statement): boolean => decorators.some(({ name }) => name === 'secure');

function checkSecrets(template: Template, report: Report): void {
  const secret = new Set(template.statements.filter(isSecret).map(({ name }) => name));
  for (const statement of template.statements) {
    if (
      statement.kind === 'param' &&
      secretName.test(statement.name) &&
      statement.type !== 'bool' &&
      !isSecret(statement)
    )
      report('secret-parameter', statement.line, `the parameter '${statement.name}' is not @secure()`);
    if (statement.kind !== 'output') continue;
    for (const expression of everyExpression(statement.value))
      if (givesAway(expression, secret))
        report('secret-output', statement.line, `the output '${statement.name}' gives away '${expression.name}'`);
  }
}

/** Names that say that they hold a secret, as against one that says where it is. */
const secretName = /(password|secret|key|token)s?$/i;

function givesAway(
  expression: Expression,
  secret: ReadonlySet<string>,
): expression is Extract<Expression, { kind: 'call' | 'name' }> {
  if (expression.kind === 'call') return expression.name.startsWith('list');
  return expression.kind === 'name' && secret.has(expression.name);
}

function moduleFile(file: string, module: Declaration): string {
  return path.posix.join(path.posix.dirname(file), module.reference);
}

function checkModule(
  templates: TemplateSet,
  { file, module, report }: { file: string; module: Declaration; report: Report },
): void {
  const target = moduleFile(file, module);
  if (!templates.has(target)) {
    report('module-file', module.line, `there is no ${target}`);
    return;
  }
  const inner = templates.get(target);
  const outer = templates.get(file);
  if (inner.scope !== outer.scope && propertyOf(module.body.properties, 'scope') === undefined)
    report(
      'module-scope',
      module.line,
      `${target} is for the scope '${inner.scope}': '${module.name}' needs a 'scope'`,
    );
  const given = propertyOf(module.body.properties, 'params');
  const names =
    given?.kind === 'object'
      ? given.properties.map(({ key }) => (key.kind === 'literal' ? String(key.value) : ''))
      : [];
  const parameters = inner.statements.filter((one) => one.kind === 'param');
  for (const name of names)
    if (!parameters.some((one) => one.name === name))
      report('module-parameter', module.line, `${target} has no parameter '${name}'`);
  for (const { name, defaultValue, type } of parameters)
    if (defaultValue === undefined && !type.endsWith('?') && !names.includes(name))
      report('module-parameter', module.line, `'${module.name}' does not say '${name}' of ${target}`);
}

/** `module.outputs.x` must be an output of the module. */
function checkOutputsRead(templates: TemplateSet, { template, report }: { template: Template; report: Report }): void {
  const modules = new Map(
    template.statements
      .filter(isDeclaration)
      .filter(({ kind }) => kind === 'module')
      .map((one) => [one.name, one]),
  );
  for (const { name, steps, line } of template.statements.flatMap(expressionsOf).flatMap(readsOf)) {
    const module = modules.get(name);
    const members = steps.filter((step) => step !== '[]');
    if (
      module === undefined ||
      members[0] !== 'outputs' ||
      members[1] === undefined ||
      !templates.has(moduleFile(template.file, module))
    )
      continue;
    const { statements } = templates.get(moduleFile(template.file, module));
    if (!statements.some((one) => one.kind === 'output' && one.name === members[1]))
      report('module-output', line, `'${name}' has no output '${members[1]}'`);
  }
}
