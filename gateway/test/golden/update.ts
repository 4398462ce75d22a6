// Rewrites the golden files: npm run golden:update. Read the diff before committing it.
import { updateConfigCases } from './config/config-cases.ts';
import { feed } from './feed.ts';
import { goldenNames, removeGolden, writeGolden } from './golden-files.ts';
import { fixtureReplies, recordedReplies, recordingsMissing } from './recordings.ts';

const replies = [...fixtureReplies(), ...recordedReplies()];
for (const reply of replies) writeGolden(reply.name, feed(reply, { clientWantsUsage: true }).reading);

const known = new Set(replies.map(({ name }) => name));
const stale = goldenNames().filter(
  (name) => !known.has(name) && (recordingsMissing === undefined || name.startsWith('fixtures/')),
);
for (const name of stale) removeGolden(name);

const configCases = updateConfigCases();
console.log(`${configCases.length} configurations written.`);
console.log(`${replies.length} readings written, ${stale.length} removed.`);
if (recordingsMissing !== undefined) console.log(`Those of recordings stay as they are: ${recordingsMissing}.`);
