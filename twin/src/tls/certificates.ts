import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bits,
  explicit,
  implicit,
  integer,
  moment,
  objectIdentifier,
  octets,
  sequence,
  setOf,
  text,
  yes,
} from './der.ts';

/** What a TLS server needs, and what its callers have to trust. PEM. */
export interface ServerCertificate {
  readonly key: string;
  readonly certificate: string;
  /** The authority's own certificate. */
  readonly authority: string;
}

interface Holder {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly name: string;
}

const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
// Whatever the clock of a test says: the caller's TLS goes by the real one.
const validity = sequence(moment('240101000000Z'), moment('491231235959Z'));

/** A certificate for these names and addresses, by an authority of its own that is forgotten at once. */
export function serverCertificate(names: readonly string[]): ServerCertificate {
  const authority = holder('Tollgate twin authority');
  const server = holder(names[0] ?? 'twin');
  return {
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    certificate: certificate(server, authority, [
      extension('2.5.29.19', sequence(), true),
      extension('2.5.29.15', bits(Buffer.from([0x80]), 7), true),
      extension('2.5.29.37', sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))),
      extension('2.5.29.17', sequence(...names.map(generalName))),
    ]),
    authority: certificate(authority, authority, [
      extension('2.5.29.19', sequence(yes), true),
      extension('2.5.29.15', bits(Buffer.from([0x06]), 1), true),
    ]),
  };
}

function holder(name: string): Holder {
  return { name, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

function certificate(subject: Holder, issuer: Holder, extensions: readonly Buffer[]): string {
  const keyId = extension('2.5.29.14', octets(keyIdOf(subject)));
  const issuerKeyId = extension('2.5.29.35', sequence(implicit(0, keyIdOf(issuer))));
  const content = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    nameOf(issuer),
    validity,
    nameOf(subject),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions, keyId, issuerKeyId)),
  );
  const signed = sequence(content, ecdsaWithSha256, bits(sign('sha256', content, issuer.privateKey)));
  const lines = signed.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function nameOf({ name }: Holder): Buffer {
  return sequence(setOf(sequence(objectIdentifier('2.5.4.3'), text(name))));
}

function keyIdOf({ publicKey }: Holder): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
}

function extension(id: string, content: Buffer, critical = false): Buffer {
  return sequence(objectIdentifier(id), ...(critical ? [yes] : []), octets(content));
}

function generalName(name: string): Buffer {
  const kind = isIP(name);
  if (kind === 4) return implicit(7, Buffer.from(name.split('.').map(Number)));
  // The only address of version 6 that a twin has a use for.
  if (kind === 6) return implicit(7, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]));
  return implicit(2, Buffer.from(name, 'ascii'));
}
