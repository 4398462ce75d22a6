import { once } from 'node:events';
import { createServer } from 'node:net';
import { CommandFailure, systemErrorCode } from '#failure.ts';

export interface WantedPort {
  readonly port: number;
  /** What will listen there: `data plane`. */
  readonly what: string;
  /** The variable that moves it. */
  readonly variable: string;
}

async function whyNot(port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
    return undefined;
  } catch (thrown) {
    return systemErrorCode(thrown) ?? String(thrown);
  } finally {
    server.close();
  }
}

const elsewhere = (port: number): number => (port > 55_000 ? port - 10_000 : port + 10_000);

/** Throws CommandFailure that names every port that is taken and how to move it. Port 0 is always free. */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  const fixed = wanted.filter(({ port }) => port !== 0);
  const twice = fixed.find(({ port }, at) => fixed.findIndex((other) => other.port === port) !== at);
  if (twice !== undefined) {
    throw new CommandFailure(`Port ${twice.port} is wanted twice; ${twice.variable} moves the ${twice.what}.`);
  }
  const found = await Promise.all(fixed.map(async (one) => ({ ...one, why: await whyNot(one.port) })));
  const taken = found.filter(({ why }) => why !== undefined);
  if (taken.length > 0) {
    const moved = taken.map(({ port, variable }) => `${variable}=${elsewhere(port)}`).join(' ');
    throw new CommandFailure('Tollgate cannot listen where it should.', {
      hints: [
        ...taken.map(({ port, what, variable, why }) => {
          const reason = why === 'EADDRINUSE' ? 'is in use' : `cannot be had (${why})`;
          return `Port ${port} (${what}) ${reason}; ${variable} moves it.`;
        }),
        `For example: ${moved} npm start`,
        'Does Tollgate run already? `npx --no tollgate version` tells.',
      ],
    });
  }
}
