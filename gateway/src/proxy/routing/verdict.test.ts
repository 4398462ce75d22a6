import assert from 'node:assert/strict';
import test from 'node:test';
import { judge } from './verdict.ts';

const error = (code: string | null, inner?: string): Buffer =>
  Buffer.from(
    JSON.stringify({ error: { code, message: 'm', ...(inner === undefined ? {} : { innererror: { code: inner } }) } }),
  );

const modelError = Buffer.from(
  JSON.stringify({ error: { message: 'm', type: 'model_error', param: null, code: null } }),
);

// [what, status, headers, body, action, verdict kind, outcome]
const cases = [
  ['throttled', 429, { 'retry-after-ms': '300' }, error('429'), 'try-another', 'throttled', undefined],
  ['throttled without a word', 429, {}, error('429'), 'try-another', 'throttled', undefined],
  ['unavailable with a time', 503, { 'retry-after': '2' }, error(null), 'try-another', 'throttled', undefined],
  ['unavailable', 503, {}, error(null), 'try-another', 'failed', undefined],
  ['server error', 500, {}, error(null), 'try-another', 'failed', undefined],
  ['a reply of the model that is none', 500, {}, modelError, 'deliver', undefined, 'upstream-broke'],
  ['unavailable, whatever it says', 503, {}, modelError, 'try-another', 'failed', undefined],
  ['bad gateway', 502, {}, Buffer.from('<html>'), 'try-another', 'failed', undefined],
  ['gateway timeout', 504, {}, Buffer.alloc(0), 'try-another', 'failed', undefined],
  ['request timeout', 408, {}, error(null), 'try-another', 'failed', undefined],
  ['wrong credential', 401, {}, error('401'), 'try-another', 'misconfigured', undefined],
  ['forbidden', 403, {}, error('AuthenticationTypeDisabled'), 'try-another', 'misconfigured', undefined],
  ['no such deployment', 404, {}, error('DeploymentNotFound'), 'try-another', 'misconfigured', undefined],
  ['404 without words', 404, {}, Buffer.alloc(0), 'try-another', 'misconfigured', undefined],
  [
    '404 of something the caller named',
    404,
    {},
    error('response_not_found'),
    'deliver',
    undefined,
    'refused-by-upstream',
  ],
  [
    '404 of a vector store or file that the caller named',
    404,
    {},
    error(null),
    'deliver',
    undefined,
    'refused-by-upstream',
  ],
  ['parameter', 400, {}, error('unsupported_parameter'), 'deliver', undefined, 'refused-by-upstream'],
  ['content filter', 400, {}, error('content_filter'), 'deliver', undefined, 'filtered-prompt'],
  [
    'content filter by its inner code',
    400,
    {},
    error('x', 'ResponsibleAIPolicyViolation'),
    'deliver',
    undefined,
    'filtered-prompt',
  ],
  ['unprocessable', 422, {}, error(null), 'deliver', undefined, 'refused-by-upstream'],
] as const;

for (const [what, status, headers, body, action, kind, outcome] of cases) {
  test(`an upstream's ${status} (${what}) means ${action}${kind === undefined ? '' : `, ${kind}`}`, () => {
    const judged = judge({ status, headers, body, now: 0, odd: () => {} });
    assert.equal(judged.action, action);
    assert.equal(judged.action === 'deliver' ? undefined : judged.fault.kind, kind);
    assert.equal(judged.action === 'deliver' ? judged.outcome : undefined, outcome);
  });
}

test('a server error that names a time is left alone for it', () => {
  const judged = judge({ status: 502, headers: { 'retry-after': '7' }, body: error(null), now: 0, odd: () => {} });
  assert.deepEqual(judged, {
    action: 'try-another',
    fault: { kind: 'failed', reason: 'status 502', leastMs: 7000 },
  });
});
