import { demoTeams, type DemoTeam } from '../start/demo-keys.ts';
import type { DemoCall } from './calls.ts';
import { documents, houseRules, longStory, questions } from './prompts.ts';

/** How the replies of one part of the traffic end, which decides what the ledger can know of them. */
export type Ending = 'received' | 'cancelled' | 'drained';

export interface Part {
  readonly team: DemoTeam;
  readonly ending: Ending;
  readonly calls: readonly DemoCall[];
}

/** Cancelled upstream when the client leaves, in the demo configuration. */
const quickModel = 'gpt-5.4-mini';
/** Reasons; read to its end when the client leaves, because it has to be paid for. */
const reasoningModel = 'gpt-5-mini';
const embeddingModel = 'text-embedding-3-small';

function received(team: DemoTeam): readonly DemoCall[] {
  const chat = questions[team].map((prompt, at): DemoCall => ({
    api: 'chat',
    surface: at % 2 === 0 ? 'classic' : 'v1',
    model: quickModel,
    stream: at % 3 !== 0,
    prompt,
    // The same long beginning every other time: what the provider has in its prompt cache costs less.
    ...(at % 2 === 0 ? { instructions: houseRules(team) } : {}),
  }));
  const again = chat.filter((call) => call.instructions !== undefined);
  const responses = questions[team].slice(0, 3).map((prompt, at): DemoCall => ({
    api: 'responses',
    surface: 'v1',
    model: at === 2 ? reasoningModel : quickModel,
    stream: at % 2 === 0,
    prompt,
  }));
  const embeddings = documents[team].map((prompt, at): DemoCall => ({
    api: 'embeddings',
    surface: at % 2 === 0 ? 'classic' : 'v1',
    model: embeddingModel,
    stream: false,
    prompt,
  }));
  return [...chat, ...again, ...responses, ...embeddings];
}

function brokenOff(model: string, events: number): DemoCall {
  return { api: 'chat', surface: 'v1', model, stream: true, prompt: longStory, breakOffAfter: events };
}

/** The sample traffic: every team does everything, Marketing more of it. */
export function sampleTraffic(): readonly Part[] {
  return demoTeams.flatMap((team): readonly Part[] => {
    const times = team === 'marketing' ? 3 : 2;
    return [
      { team, ending: 'received', calls: received(team) },
      {
        team,
        ending: 'cancelled',
        calls: Array.from({ length: times }, (_, at) => brokenOff(quickModel, 4 + 6 * at)),
      },
      {
        team,
        ending: 'drained',
        calls: Array.from({ length: times }, (_, at) => brokenOff(reasoningModel, 4 + 6 * at)),
      },
    ];
  });
}
