import type { DemoTeam } from '../start/demo-keys.ts';

const topics = [
  'tone of voice',
  'product names',
  'prices',
  'dates and times',
  'units',
  'quotations',
  'headlines',
  'links',
  'legal notices',
  'translations',
  'images',
  'abbreviations',
  'numbers',
  'customer names',
  'competitors',
  'promises',
] as const;

const rules = [
  'Write about {topic} as you would tell a colleague: short sentences, plain words, and the main point first.',
  'When you mention {topic}, check the shared glossary, and use the spelling that stands there and no other.',
  'Leave out {topic} where they add nothing; a reader who wants to know more will follow the reference at the end.',
] as const;

/** Instructions of more than 1024 tokens, the least that a prompt cache keeps; every team has its own. */
export function houseRules(team: DemoTeam): string {
  const lines = rules.flatMap((rule, part) =>
    topics.map((topic, at) => `${part + 1}.${at + 1} ${rule.replace('{topic}', topic)}`),
  );
  return `You work for the ${team} team of Contoso. These are the house rules.\n${lines.join('\n')}`;
}

/** Short questions, as a team asks them all day. */
export const questions: Readonly<Record<DemoTeam, readonly string[]>> = {
  marketing: [
    'Write a headline for our spring campaign.',
    'Shorten this: Contoso is proud to be able to announce a new and improved range of garden furniture.',
    'Give me three names for a newsletter about bicycles.',
    'Translate "free delivery on Fridays" into Dutch.',
    'What should the first sentence of a press release say?',
    'Name two risks of a discount campaign.',
  ],
  finance: [
    'Explain accruals to a new colleague.',
    'Which questions should I ask about a rising cloud bill?',
    'Summarise: revenue rose by 4 percent, cost by 6 percent, and the margin fell.',
    'What is the difference between a budget and a forecast?',
  ],
};

export const documents: Readonly<Record<DemoTeam, readonly string[]>> = {
  marketing: ['Garden furniture, spring catalogue', 'Bicycles for the city', 'Newsletter, week 47'],
  finance: ['Cost report, third quarter', 'Travel expenses policy'],
};

/** Long enough that there is something left to break off. The twin obeys the last words; a real model ignores them. */
export const longStory = 'Tell the history of double-entry bookkeeping, in detail. twin:tokens=400';
