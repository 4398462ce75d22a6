import type { ConfigFinding, ConfigSection } from '#kernel/config-section.ts';
import { byteSize, duration, wholeNumber } from '#kernel/config-values.ts';
import { z } from 'zod';

const port = () => wholeNumber({ atLeast: 0, atMost: 65_535 });
const address = () => z.union([z.ipv4(), z.ipv6()], { error: 'expected an IP address, such as 127.0.0.1 or 0.0.0.0' });

const keys = {
  listen: z
    .strictObject({
      address: address()
        .default('127.0.0.1')
        .describe('Where the data plane listens; loopback unless it is set, `0.0.0.0` for every interface.'),
      port: port()
        .prefault(8080)
        .describe('The port of the data plane; `TOLLGATE_PORT` in the environment wins. 0 takes any free one.'),
      admin: z
        .strictObject({
          address: address().default('127.0.0.1').describe('Where the admin API listens.'),
          port: port()
            .prefault(8081)
            .describe('The port of the admin API; `TOLLGATE_ADMIN_PORT` in the environment wins.'),
        })
        .prefault({})
        .describe('The admin API, with metrics and health.'),
      maxHeaderBytes: byteSize({ atLeast: 1024, atMost: 1024 ** 2 })
        .prefault('16KiB')
        .describe('The most that a request line and its headers may take; more is refused with 431.'),
      maxBodyBytes: byteSize({ atLeast: 1024, atMost: 1024 ** 3 })
        .prefault('16MiB')
        .describe('The largest request body; more is refused with 413. A product may allow less.'),
      headersTimeout: duration({ atLeastMs: 100 })
        .prefault('10s')
        .describe('How long a client may take to send its headers; then 408.'),
      requestTimeout: duration({ atLeastMs: 100 })
        .prefault('60s')
        .describe(
          'How long a client may take to send its whole request; then 408. Files have `batches.uploadDeadline` instead.',
        ),
      keepAliveTimeout: duration({ atLeastMs: 100 })
        .prefault('65s')
        .describe('How long an idle connection is kept; longer than that of a load balancer in front.'),
      drainTimeout: duration({ atLeastMs: 1 })
        .prefault('30s')
        .describe('How long streams in flight may go on after SIGTERM; what is left then is cut and recorded.'),
    })
    .prefault({})
    .describe('Where Tollgate listens, and what it bears from a client.'),
};

type Values = Partial<z.output<z.ZodObject<typeof keys>>>;

function check({ listen }: Values): readonly ConfigFinding[] {
  if (listen === undefined) return [];
  const findings: ConfigFinding[] = [];
  if (listen.port !== 0 && listen.port === listen.admin.port) {
    findings.push({
      path: ['listen', 'admin', 'port'],
      message: `${listen.port} is the port of the data plane too`,
      fix: 'Give the admin API a port of its own.',
    });
  }
  if (listen.headersTimeout > listen.requestTimeout) {
    findings.push({
      path: ['listen', 'headersTimeout'],
      message: 'it is longer than requestTimeout, which counts the headers too',
      fix: 'Set it to at most requestTimeout.',
    });
  }
  return findings;
}

export const acceptConfig: ConfigSection<typeof keys> = {
  name: 'listen',
  summary: 'Where the gateway listens and how much, how slowly a client may send.',
  keys,
  references: [],
  check,
};
