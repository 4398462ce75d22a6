// The spec reporter of `node --test`, but for failures that would print a whole log, a reply or a file: of a text that long
// only its beginning and its end are shown. Whoever needs all of it runs the one test with `--test-reporter=spec`.
import { Readable } from 'node:stream';
import { spec } from 'node:test/reporters';

/** Characters of a message with its stack: a difference of two objects fits into it. */
const longest = 4_000;
/** Characters of what was found, and of what was expected, which the message shows as well. */
const longestValue = 600;

function shortened(text, most = longest) {
  if (text.length <= most) return text;
  const ending = most / 4;
  return `${text.slice(0, most - ending)}\n… ${text.length - most} characters are left out …\n${text.slice(-ending)}`;
}

/** What of an error is shown beside its stack. */
const shown = ['code', 'failureType', 'operator', 'actual', 'expected'];

function shortValue(value) {
  if (typeof value === 'string') return shortened(value, longestValue);
  return typeof value === 'object' && (JSON.stringify(value)?.length ?? 0) > longest ? undefined : value;
}

/** The same error, as far as it is shown. Its own properties cannot all be written, so that it is another one. */
function shortError(error) {
  const { message, cause } = error;
  const short = new Error(shortened(message), cause instanceof Error ? { cause: shortError(cause) } : { cause });
  const properties = { name: error.name, stack: shortened(String(error.stack)) };
  for (const name of shown) {
    const value = name in error ? shortValue(error[name]) : undefined;
    if (value !== undefined) properties[name] = value;
  }
  for (const [name, value] of Object.entries(properties))
    Object.defineProperty(short, name, { value, enumerable: shown.includes(name) });
  return short;
}

const isLong = (error) =>
  error instanceof Error &&
  (String(error.stack).length > longest ||
    ['actual', 'expected'].some((name) => shortValue(error[name]) !== error[name]) ||
    isLong(error.cause));

async function* shortenedEvents(events) {
  for await (const event of events) {
    const { data } = event;
    const error = data?.details?.error;
    yield isLong(error)
      ? { ...event, data: { ...data, details: { ...data.details, error: shortError(error) } } }
      : event;
  }
}

async function* output(events) {
  yield* Readable.from(shortenedEvents(events)).pipe(new spec());
}

// oxlint-disable-next-line import/no-default-export -- node:test takes a reporter from the default export
export default output;
