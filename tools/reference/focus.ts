// docs/reference/focus.md: every column of a FOCUS file and every rule that is checked, from the schema in contract/.
import { focus, focusHeader, type FocusColumn, type FocusRule } from '../../contract/src/focus/schema.ts';

const { specification, sources } = focus;

const introduction = `# FOCUS ${specification.version}

<!-- Generated from contract/src/focus/focus-${specification.version}.json. Do not edit. -->

What \`tollgate export focus\` writes, and what \`tollgate export check\` asks of a file: the ${specification.dataset} dataset of the
${specification.name} ${specification.version}, ratified on ${specification.ratified}
([${specification.home}](${specification.home}); repository \`${specification.repository}\`, ${specification.licence}). How to read the files is told in
[exports.md](../exports.md).

Where what is said here comes from:

${Object.entries(sources)
  .map(([what, where]) => `- **${what}**: ${where}`)
  .join('\n')}

A file has ${focusHeader.length} columns: those of FOCUS by name, then our own, which begin with \`x_\`. Numbers are exact decimals, moments are
UTC, an empty cell is null.
`;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** More are told in the specification; a table has no room for them. */
const mostShown = 20;

function typeText({ type, format, nulls, range, allowed }: FocusColumn): string {
  const words = [
    format === undefined || format === 'Allowed Values' ? type : `${type} (${format})`,
    ...(range === undefined ? [] : [range]),
    ...(nulls ? ['may be null'] : []),
    ...(allowed === undefined || allowed.length > mostShown
      ? []
      : [`one of ${allowed.map((one) => `\`${one}\``).join(', ')}`]),
    ...(allowed !== undefined && allowed.length > mostShown
      ? [`one of ${allowed.length} words of the specification`]
      : []),
  ];
  return words.join('; ');
}

const written = focus.columns.filter((one) => one.written);
const leftOut = focus.columns.filter((one) => !one.written);

const columnRows = written.map(
  (one) => `| \`${one.id}\` | ${one.section} | ${one.level} | ${cell(typeText(one))} | ${cell(one.meaning)} |`,
);
const ownRows = focus.customColumns.map(
  ({ id, type, nulls, meaning }) => `| \`${id}\` | ${type}${nulls ? '; may be null' : ''} | ${cell(meaning)} |`,
);
const leftOutRows = leftOut.map(
  (one) =>
    `| \`${one.id}\` | ${one.section} | ${one.level} | ${cell(one.condition ?? '')} | ${cell(one.meaning.replace(/^Not written[:;.]? /, ''))} |`,
);

const name = (column: string): string => `\`${column}\``;

type Condition = NonNullable<Extract<FocusRule, { kind: 'required' }>['when']>[number];

const words = (values: readonly string[]): string => values.map((one) => `\`${one}\``).join(' or ');

function conditionText({ column, is, isNot, isNull }: Condition): string {
  if (is !== undefined) return `${name(column)} is ${words(is)}`;
  if (isNot !== undefined) return `${name(column)} is not ${words(isNot)}`;
  return `${name(column)} is ${isNull === true ? 'null' : 'not null'}`;
}

function whenText(when: readonly Condition[]): string {
  return when.length === 0 ? '' : ` where ${when.map(conditionText).join(' and ')}`;
}

type Words = { readonly [Kind in FocusRule['kind']]: (rule: Extract<FocusRule, { kind: Kind }>) => string };

const ruleWords: Words = {
  required: ({ column, when }) => `${name(column)} is not null${whenText(when)}`,
  empty: ({ column, when }) => `${name(column)} is null${whenText(when)}`,
  paired: ({ columns }) => `${columns.map(name).join(' and ')} are both null, or neither is`,
  product: ({ result, factors }) => `${name(result)} is ${factors.map(name).join(' × ')}, where all three are known`,
  same: ({ columns, when }) => `${columns.map(name).join(' equals ')}${whenText(when)}`,
  differs: ({ column, from, when }) => `${name(column)} is not \`${from}\`${whenText(when)}`,
  before: ({ columns }) => columns.map(name).join(' is before '),
  belongs: ({ column, to }) => `${name(column)} belongs to the ${name(to)} beside it`,
  'one-parent': ({ column, parent }) => `a ${name(column)} stands beside one ${name(parent)} only, in all of the file`,
};

function ruleText<Kind extends FocusRule['kind']>(rule: Extract<FocusRule, { kind: Kind }>): string {
  const say = ruleWords[rule.kind];
  return say(rule);
}

const ruleRows = focus.rules.map((rule) => `| ${cell(ruleText(rule))} | ${cell(rule.source)} |`);

const table = (titles: readonly string[], rows: readonly string[]): string =>
  [`| ${titles.join(' | ')} |`, `|${'---|'.repeat(titles.length)}`, ...rows].join('\n');

/** The whole page. */
export function generateFocusReference(): string {
  return `${[
    introduction.trimEnd(),
    '## Columns of FOCUS',
    table(['column', 'section', 'level', 'type', 'what it is here'], columnRows),
    '## Our own columns',
    table(['column', 'type', 'what it is'], ownRows),
    '## Columns that are left out',
    'FOCUS asks for them under a condition that does not hold here, or recommends them.',
    table(['column', 'section', 'level', 'asked for where the provider', 'why it is not there'], leftOutRows),
    '## Rules between columns',
    'Beside type, nullability and allowed values of each column. What no row can break because nothing of its kind is written is checked too: the file may be of somebody else.',
    table(['rule', 'source'], ruleRows),
  ].join('\n\n')}\n`;
}
