/**
 * `unreachable`: there is no connection, or not now; a later try may succeed. `conflict`: with another transaction; the
 * same one may succeed at once. `refused`: the server said no, and will say it again.
 */
export type PostgresErrorKind = 'unreachable' | 'conflict' | 'refused';

/** What went wrong with the server, in words for the operator: where, what, and what to do. Shows no secret. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';
  readonly kind: PostgresErrorKind;

  constructor(kind: PostgresErrorKind, message: string, cause: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

interface Meaning {
  readonly kind: PostgresErrorKind;
  /** What to do; empty where the server's own words say it. */
  readonly advice: string;
}

const urlSetting = '`ledger.store.postgres.url`';
const tlsSetting = '`ledger.store.postgres.tls`';
const untrusted =
  'Give the authority that signed its certificate as `ledger.store.postgres.certificateAuthority`, or correct the name of the host.';

/** By the system's or the TLS library's code, or the server's SQLSTATE. */
const meanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: { kind: 'unreachable', advice: `Start the server, or correct host and port in ${urlSetting}.` },
  ENOENT: { kind: 'unreachable', advice: `Start the server, or correct the socket's folder in ${urlSetting}.` },
  ENOTFOUND: { kind: 'unreachable', advice: `No such host: correct its name in ${urlSetting}.` },
  EAI_AGAIN: { kind: 'unreachable', advice: 'The name of the host cannot be looked up at present.' },
  // Invalid password, and invalid authorization.
  '28P01': { kind: 'refused', advice: `Correct user and password in ${urlSetting}.` },
  '28000': { kind: 'refused', advice: `Correct the user in ${urlSetting}, or the server's pg_hba.conf.` },
  '3D000': { kind: 'refused', advice: `Make the database, or correct its name in ${urlSetting}.` },
  '42501': { kind: 'refused', advice: 'Make the user the owner of the database, or grant it CREATE on its schema.' },
  '25006': {
    kind: 'unreachable',
    advice: `The server takes no writes: a standby? Name the primary in ${urlSetting}.`,
  },
  '53100': { kind: 'unreachable', advice: 'Give the server disk space.' },
  '53200': { kind: 'unreachable', advice: 'Give the server memory, or raise its max_locks_per_transaction.' },
  '53300': {
    kind: 'unreachable',
    advice: "Raise the server's max_connections, or lower `ledger.store.postgres.connections`.",
  },
  '57014': {
    kind: 'unreachable',
    advice: 'Look for what keeps the server busy, or raise `ledger.store.postgres.statementTimeout`.',
  },
  '57P01': { kind: 'unreachable', advice: 'The server is being stopped.' },
  '57P02': { kind: 'unreachable', advice: 'The server crashed and is recovering.' },
  '57P03': { kind: 'unreachable', advice: 'The server is starting, stopping or recovering.' },
  '55P03': { kind: 'conflict', advice: 'Another session holds what is needed: look for long transactions.' },
  '40001': { kind: 'conflict', advice: '' },
  '40P01': { kind: 'conflict', advice: '' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { kind: 'refused', advice: untrusted },
  SELF_SIGNED_CERT_IN_CHAIN: { kind: 'refused', advice: untrusted },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { kind: 'refused', advice: untrusted },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { kind: 'refused', advice: untrusted },
  ERR_TLS_CERT_ALTNAME_INVALID: { kind: 'refused', advice: untrusted },
  CERT_NOT_YET_VALID: { kind: 'refused', advice: 'Its certificate begins later: is the clock of this machine right?' },
  CERT_HAS_EXPIRED: {
    kind: 'refused',
    advice: "Renew the server's certificate; or is the clock of this machine ahead?",
  },
};

/** By the words of the client library, where it has no code. */
const meaningsOfWords: readonly (readonly [words: RegExp, meaning: Meaning])[] = [
  [
    /does not support SSL/,
    { kind: 'refused', advice: `Turn TLS on in the server, or, in a network of your own, set ${tlsSetting} to off.` },
  ],
  [
    /terminated due to connection timeout/,
    {
      kind: 'unreachable',
      advice: `It does not answer: look at firewalls and routes between here and there, or correct host and port in ${urlSetting}.`,
    },
  ],
  [/password must be a (non-empty )?string/, { kind: 'refused', advice: `Give the password in ${urlSetting}.` }],
];

function codeOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : '';
}

/** Whether the server itself said it, so that the connection is as good as before. */
export function isServerError(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'severity' in thrown && 'routine' in thrown;
}

/** Whether the server is a standby, or stands still. */
export const takesNoWrites = (thrown: unknown): boolean => codeOf(thrown) === '25006';

/** Whether the server said no to user and password, or token. */
export function isSignInRefused(thrown: unknown): boolean {
  // Azure says of a token that has ended, or is for somebody else, so in words.
  const says = thrown instanceof Error && /access token/i.test(thrown.message) && isServerError(thrown);
  return says || ['28P01', '28000'].includes(codeOf(thrown));
}

function meaningOf(thrown: unknown, text: string): Meaning {
  const code = codeOf(thrown);
  const known = meanings[code] ?? meaningsOfWords.find(([words]) => words.test(text))?.[1];
  if (known !== undefined) return known;
  // Whatever is not an answer of the server is a connection that broke, or was never made.
  const broken = !isServerError(thrown) || code.startsWith('08');
  return broken ? { kind: 'unreachable', advice: '' } : { kind: 'refused', advice: '' };
}

/** The words of an error; a connection that was tried at several addresses has them inside only. */
function wordsOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(wordsOf).join('; ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** `where`: host, port and database, as the operator knows them. `instead`: another advice than the usual one. */
export function postgresError(thrown: unknown, where: string, instead?: string): Error {
  if (thrown instanceof PostgresError) return thrown;
  // A mistake of ours says nothing about the server.
  if (thrown instanceof TypeError || thrown instanceof RangeError) return thrown;
  const words = wordsOf(thrown);
  const { kind, advice: usual } = meaningOf(thrown, words);
  const advice = instead ?? usual;
  const sentence = /[.!?]$/.test(words) ? words : `${words}.`;
  return new PostgresError(kind, `PostgreSQL at ${where}: ${sentence}${advice === '' ? '' : ` ${advice}`}`, thrown);
}
