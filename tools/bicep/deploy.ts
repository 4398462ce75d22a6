import path from 'node:path';
import { evaluate, loopItems, scopeId, truth, type Environment, type Scope } from './evaluate.ts';
import { checkedArgument } from './parameters.ts';
import type { Problem } from './problem.ts';
import type { Declaration, Template } from './syntax.ts';
import type { TemplateSet } from './template-set.ts';
import {
  asText,
  describe,
  EvaluationError,
  isHandle,
  isObject,
  unknown,
  type Handle,
  type ObjectValue,
  type Value,
} from './values.ts';

/** One resource as Resource Manager would be told of it; what is known only in Azure stands in ⟦…⟧. */
export interface DeployedResource {
  readonly type: string;
  readonly version: string;
  readonly name: string;
  readonly id: string;
  /** Everything but `parent`, `scope` and `dependsOn`. */
  readonly body: ObjectValue;
  /** Only looked up, not made. */
  readonly existing: boolean;
  readonly file: string;
  readonly line: number;
  readonly symbol: string;
}

export interface Expanded {
  readonly resources: DeployedResource[];
  readonly problems: Problem[];
  /** `file#symbol` of every declaration that is deployed at least once. */
  readonly reached: Set<string>;
  /** Names of nested deployments: in one scope each may stand once. */
  readonly deployments: { readonly id: string; readonly file: string; readonly line: number }[];
}

interface Call {
  readonly file: string;
  readonly scope: Scope;
  readonly deploymentName: string;
  readonly arguments: ObjectValue;
  readonly line: number;
}

/** What `main.bicep` deploys with these parameters: every resource of every module, loops and conditions worked out. */
export function expand(templates: TemplateSet, call: Omit<Call, 'line'>): Expanded & { readonly outputs: ObjectValue } {
  const expanded: Expanded = { resources: [], problems: [], reached: new Set(), deployments: [] };
  const instance = new Instance(templates, expanded, { ...call, line: 1 });
  instance.run();
  return { ...expanded, outputs: instance.outputs() };
}

/** A template with its parameters filled in. */
class Instance {
  readonly #templates: TemplateSet;
  readonly #expanded: Expanded;
  readonly #call: Call;
  readonly #template: Template;
  readonly #values = new Map<string, Value>();
  readonly #pending = new Set<string>();
  readonly #environment: Environment;
  #line = 1;

  constructor(templates: TemplateSet, expanded: Expanded, call: Call) {
    this.#templates = templates;
    this.#expanded = expanded;
    this.#call = call;
    this.#template = templates.get(call.file);
    this.#environment = {
      scope: call.scope,
      deploymentName: call.deploymentName,
      lookup: (name, line) => this.#lookup(name, line),
      readFile: (relative) => templates.readFile(path.posix.join(path.posix.dirname(call.file), relative)),
    };
  }

  run(): void {
    for (const statement of this.#template.statements)
      this.#guard(statement.line, () => void this.#lookup(statement.name, statement.line));
    const known = new Set(this.#template.statements.filter(({ kind }) => kind === 'param').map(({ name }) => name));
    for (const name of Object.keys(this.#call.arguments))
      if (!known.has(name))
        this.#complain('parameter-value', this.#call.line, `${this.#call.file} has no parameter '${name}'`);
  }

  outputs(): ObjectValue {
    const made: Record<string, Value> = {};
    for (const statement of this.#template.statements)
      if (statement.kind === 'output')
        this.#guard(
          statement.line,
          () => void (made[statement.name] = this.#lookup(` ${statement.name}`, statement.line)),
        );
    return made;
  }

  #guard(line: number, run: () => void): void {
    try {
      run();
    } catch (thrown) {
      if (!(thrown instanceof EvaluationError)) throw thrown;
      this.#complain(thrown.rule, thrown.line ?? line, thrown.message);
    }
  }

  #complain(rule: string, line: number, message: string): void {
    const { problems } = this.#expanded;
    const problem = { rule, file: this.#template.file, line, message };
    if (!problems.some((one) => JSON.stringify(one) === JSON.stringify(problem))) problems.push(problem);
  }

  /** A parameter, variable, resource or module by its name; outputs are kept apart by a blank before theirs. */
  #lookup(name: string, line: number): Value {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    if (this.#pending.has(name)) throw new EvaluationError(`'${name}' needs itself`, { line, rule: 'cycle' });
    this.#pending.add(name);
    try {
      const value = this.#make(name, line);
      this.#values.set(name, value);
      return value;
    } finally {
      this.#pending.delete(name);
    }
  }

  #make(name: string, line: number): Value {
    const output = name.startsWith(' ');
    const statement = this.#template.statements.find(
      (one) => one.name === name.trim() && (one.kind === 'output') === output,
    );
    if (statement === undefined && !output && this.#template.statements.some((one) => one.name === name)) return null;
    if (statement === undefined)
      throw new EvaluationError(`nothing is called '${name}'`, { line, rule: 'unknown-name' });
    if (statement.kind === 'var' || statement.kind === 'output') return evaluate(statement.value, this.#environment);
    if (statement.kind === 'param') return this.#argument(statement);
    return this.#declaration(statement);
  }

  #argument(parameter: Extract<Template['statements'][number], { kind: 'param' }>): Value {
    const given = this.#call.arguments[parameter.name];
    if (given !== undefined) return checkedArgument(parameter, given, this.#environment);
    if (parameter.defaultValue !== undefined)
      return checkedArgument(parameter, evaluate(parameter.defaultValue, this.#environment), this.#environment);
    if (parameter.type.endsWith('?')) return null;
    throw new EvaluationError(`'${parameter.name}' of ${this.#template.file} has no value`, {
      line: parameter.line,
      rule: 'parameter-value',
    });
  }

  #declaration(declaration: Declaration): Value {
    const { loop } = declaration;
    const single = (environment: Environment): Handle => this.#handle(declaration, environment);
    return loop === undefined ? single(this.#environment) : loopItems(loop, this.#environment).map(single);
  }

  #handle(declaration: Declaration, environment: Environment): Handle {
    const deployed = declaration.condition === undefined || truth(evaluate(declaration.condition, environment));
    if (deployed) this.#expanded.reached.add(`${this.#template.file}#${declaration.name}`);
    this.#line = declaration.line;
    return declaration.kind === 'module'
      ? this.#module(declaration, { environment, deployed })
      : this.#resource(declaration, { environment, deployed });
  }

  #resource(
    declaration: Declaration,
    { environment, deployed }: { environment: Environment; deployed: boolean },
  ): Handle {
    const [type = '', version = ''] = declaration.reference.split('@');
    const property = (name: string): Value | undefined => this.#property(declaration, name, environment);
    const name = asText(property('name') ?? '');
    const id = this.#idOf(type, name, { parent: property('parent'), scope: property('scope'), line: declaration.line });
    if (deployed) {
      const body: Record<string, Value> = {};
      for (const { key, value } of declaration.body.properties) {
        const known = asText(evaluate(key, environment));
        if (known !== 'parent' && known !== 'scope' && known !== 'dependsOn')
          body[known] = evaluate(value, environment);
        else evaluate(value, environment);
      }
      this.#expanded.resources.push({
        type,
        version,
        name,
        id,
        body,
        existing: declaration.existing,
        file: this.#template.file,
        line: declaration.line,
        symbol: declaration.name,
      });
    }
    const facts: Readonly<Record<string, Value>> = { name, id, type, apiVersion: version };
    return {
      handle: 'resource',
      symbol: declaration.name,
      deployed,
      member: (member) => facts[member] ?? this.#runtime(declaration, { deployed, name, member, type, version }),
    };
  }

  /** A property that Azure tells. */
  #runtime(
    declaration: Declaration,
    of: { deployed: boolean; name: string; member: string; type: string; version: string },
  ): Value {
    if (!of.deployed)
      throw new EvaluationError(
        `'${declaration.name}' is not deployed with these parameters, but its '${of.member}' is read`,
        { rule: 'not-deployed' },
      );
    return unknown(`${of.name}.${of.member}`);
  }

  #property(declaration: Declaration, name: string, environment: Environment): Value | undefined {
    const found = declaration.body.properties.find(({ key }) => key.kind === 'literal' && key.value === name);
    return found === undefined ? undefined : evaluate(found.value, environment);
  }

  #idOf(type: string, name: string, at: { parent: Value | undefined; scope: Value | undefined; line: number }): string {
    if (name === '') throw new EvaluationError(`a ${type} has no name`, { line: at.line });
    const kinds = type.split('/');
    if (at.parent !== undefined) {
      if (!isHandle(at.parent))
        throw new EvaluationError(`the parent of ${name} is ${describe(at.parent)}`, { line: at.line });
      const expected = kinds.slice(0, -1).join('/').toLowerCase();
      if (asText(at.parent.member('type')).toLowerCase() !== expected)
        throw new EvaluationError(`a ${type} cannot stand below ${asText(at.parent.member('type'))}`, {
          line: at.line,
          rule: 'parent',
        });
      return `${asText(at.parent.member('id'))}/${kinds.at(-1) ?? ''}/${name}`;
    }
    const names = name.split('/');
    if (names.length !== kinds.length - 1)
      throw new EvaluationError(`a ${type} needs a parent, or a name of ${kinds.length - 1} parts`, {
        line: at.line,
        rule: 'parent',
      });
    return `${this.#scopeOf(at.scope)}/providers/${kinds[0] ?? ''}/${kinds
      .slice(1)
      .map((kind, n) => `${kind}/${names[n] ?? ''}`)
      .join('/')}`;
  }

  #scopeOf(scope: Value | undefined): string {
    if (scope === undefined) return scopeId(this.#call.scope);
    if (isHandle(scope)) return asText(scope.member('id'));
    if (isObject(scope) && scope['id'] !== undefined) return asText(scope['id']);
    throw new EvaluationError(`${describe(scope)} is no scope`);
  }

  #module(
    declaration: Declaration,
    { environment, deployed }: { environment: Environment; deployed: boolean },
  ): Handle {
    const file = path.posix.join(path.posix.dirname(this.#template.file), declaration.reference);
    if (!this.#templates.has(file))
      throw new EvaluationError(`there is no ${file}`, { line: declaration.line, rule: 'module-file' });
    const name = asText(this.#property(declaration, 'name', environment) ?? declaration.name);
    const scope = this.#moduleScope(this.#property(declaration, 'scope', environment));
    this.#property(declaration, 'dependsOn', environment);
    let outputs: ObjectValue = {};
    if (deployed) {
      const given = this.#property(declaration, 'params', environment) ?? {};
      const inner = new Instance(this.#templates, this.#expanded, {
        file,
        scope,
        deploymentName: name,
        arguments: isObject(given) ? given : {},
        line: declaration.line,
      });
      inner.run();
      outputs = inner.outputs();
      this.#expanded.deployments.push({
        id: `${scopeId(scope)}/${name}`,
        file: this.#template.file,
        line: declaration.line,
      });
    }
    return {
      handle: 'module',
      symbol: declaration.name,
      deployed,
      member: (member) => {
        if (member === 'name') return name;
        if (member !== 'outputs') throw new EvaluationError(`a module has 'outputs' and 'name', not '${member}'`);
        if (!deployed)
          throw new EvaluationError(
            `'${declaration.name}' is not deployed with these parameters, but its outputs are read`,
            { rule: 'not-deployed' },
          );
        return outputs;
      },
    };
  }

  #moduleScope(scope: Value | undefined): Scope {
    const { scope: own } = this.#call;
    if (scope === undefined) return own;
    if (isHandle(scope)) return { ...own, resourceGroup: asText(scope.member('name')) };
    if (!isObject(scope)) throw new EvaluationError(`${describe(scope)} is no scope`, { line: this.#line });
    const subscriptionId = asText(scope['subscriptionId'] ?? own.subscriptionId);
    return { ...own, subscriptionId, resourceGroup: scope['name'] === undefined ? undefined : asText(scope['name']) };
  }
}
