import type { Clock } from '#kernel/clock.ts';

export interface Question {
  readonly url: string;
  /** Undefined: GET. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Probed =
  | {
      readonly reached: true;
      readonly status: number;
      /** How far the server's clock is ahead of this machine's, ms, to half a second and the way; null: it does not say. */
      readonly aheadMs: number | null;
      readonly ms: number;
      /** The beginning of the body. */
      readonly text: string;
    }
  | { readonly reached: false; readonly why: string; readonly fix: string };

const longestMs = 15_000;
const mostText = 4_096;

const certificate =
  'The certificate is not one that this machine trusts: name its authority in NODE_EXTRA_CA_CERTS, or look who answers here.';

/** By the system's or the TLS library's code. */
const meanings: Readonly<Record<string, readonly [why: string, fix: string]>> = {
  ENOTFOUND: ['no such host', 'Correct its name; in a private network, link its private DNS zone to this network.'],
  EAI_AGAIN: ['its name cannot be looked up at present', 'Look at the DNS servers of this network.'],
  ECONNREFUSED: ['nothing listens there', 'Correct host and port, or start the service.'],
  ECONNRESET: ['it hangs up', 'A firewall or a proxy in between? Look at outbound rules of this network.'],
  ETIMEDOUT: ['it does not answer', 'Look at firewalls and outbound rules of this network.'],
  UND_ERR_CONNECT_TIMEOUT: ['it does not answer', 'Look at firewalls and outbound rules of this network.'],
  EHOSTUNREACH: ['there is no way to it', 'Look at routes and outbound rules of this network.'],
  ENETUNREACH: ['there is no way to it', 'Look at routes and outbound rules of this network.'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['its certificate is signed by itself', certificate],
  SELF_SIGNED_CERT_IN_CHAIN: ['its certificate is signed by nobody known', certificate],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['its certificate is signed by nobody known', certificate],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['its certificate is signed by nobody known', certificate],
  ERR_TLS_CERT_ALTNAME_INVALID: ['its certificate is for another host', 'Correct the name, or look who answers here.'],
  CERT_HAS_EXPIRED: ['its certificate has expired', 'Renew it, or set the clock of this machine.'],
};

function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code;
  if (thrown instanceof AggregateError) return codeOf(thrown.errors[0]);
  return codeOf(thrown.cause);
}

/** Asks once; never rejects. Follows no redirect. Shows nothing of the headers that were sent. */
export async function probe({ url, body, headers = {} }: Question, clock: Clock): Promise<Probed> {
  const given = new AbortController();
  const timer = clock.after(longestMs, () => given.abort());
  const [sentAt, began] = [clock.now(), clock.monotonic()];
  try {
    const response = await fetch(url, {
      signal: given.signal,
      redirect: 'manual',
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
    const ms = clock.monotonic() - began;
    const date = Date.parse(response.headers.get('date') ?? '');
    // It is cut off at whole seconds, and was written half-way.
    const aheadMs = Number.isNaN(date) ? null : Math.round(date + 500 - (sentAt + ms / 2));
    const text = (await response.text()).slice(0, mostText);
    return { reached: true, status: response.status, aheadMs, ms: Math.round(ms), text };
  } catch (error) {
    const code = given.signal.aborted ? 'ETIMEDOUT' : codeOf(error);
    const [why, fix] = meanings[code] ?? ['it cannot be reached', 'Look at the network between here and there.'];
    return { reached: false, why: code === '' ? why : `${why} (${code})`, fix };
  } finally {
    timer.cancel();
  }
}
