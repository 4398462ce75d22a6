import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Config } from '#config-sections.ts';
import { Secret } from '#kernel/secret.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Passwords } from './passwords.ts';

interface Server {
  readonly host?: string;
  readonly password?: string;
  readonly authority?: string;
}

function secretOf(text: string, source: ConstructorParameters<typeof Secret>[0]): Secret {
  const secret = new Secret(source, false);
  secret.load(text);
  return secret;
}

/** As much of a configuration as says how the servers are reached. */
function configWith({ host = 'first', password = 'a', authority = 'x' }: Server): Pick<Config, 'counters' | 'ledger'> {
  const url = secretOf(`rediss://user@${host}:6379/0`, { text: 'unused' });
  const redis = {
    url,
    password: secretOf(password, { file: 'password' }),
    cluster: false,
    certificateAuthority: secretOf(authority, { file: 'authority' }),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the rest nothing is asked
  return { counters: { redis }, ledger: { store: 'sqlite' } } as unknown as Pick<Config, 'counters' | 'ledger'>;
}

function started() {
  const lines: string[] = [];
  const write = (_fields: object, message: string): void => void lines.push(message);
  const passwords = new Passwords({
    config: configWith({}),
    lookAgain: async () => await Promise.resolve(),
    clock: new ManualClock(),
    log: { debug: write, info: write, warn: write, error: write },
  });
  const take = (server: Server): readonly string[] => {
    lines.length = 0;
    passwords.take(passwords.read(configWith(server)));
    return [...lines];
  };
  return { passwords, take };
}

suite('another configuration', () => {
  test('with another authority is told once, and the password is followed all the same', () => {
    const { passwords, take } = started();
    assert.deepEqual(take({ authority: 'y' }), [
      'how the server is reached has changed in the configuration; the gateway stays with what it was started with',
    ]);
    assert.deepEqual(take({ authority: 'y', password: 'b' }), ['new connections show another password from now on']);
    assert.equal(passwords.redis.get(), 'b');
  });

  test('with another server is told once, and its password goes to no server that it is not for', () => {
    const { passwords, take } = started();
    assert.match(take({ host: 'second', password: 'b' }).join('\n'), /^where the server is, or the user, has changed/);
    assert.deepEqual(take({ host: 'second', password: 'c' }), []);
    assert.equal(passwords.redis.get(), 'a');
    assert.deepEqual(take({ password: 'd' }), ['new connections show another password from now on']);
    assert.match(
      take({ host: 'second' }).join('\n'),
      /has changed/,
      'once more, since it was as it had been in between',
    );
  });

  test('with a password that is none is refused before anything of it is in force', () => {
    const { passwords } = started();
    assert.throws(
      () => passwords.read(configWith({ password: 'x'.repeat(40_000) })),
      /^Error: sets a password for counters that is far too long$/,
    );
    assert.equal(passwords.redis.get(), 'a');
  });
});
