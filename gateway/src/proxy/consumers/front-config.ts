import type { Frozen } from '#kernel/config-section.ts';
import type { FrontTerms } from '#model/front-terms.ts';
import { z } from 'zod';

const headerName = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'expected the name of a header: letters, digits and dashes')
    .transform((text) => text.toLowerCase());

/** `front`. */
export const front = z
  .strictObject({
    certificates: z
      .array(
        z
          .string()
          .transform((text) => text.replaceAll(':', '').toLowerCase())
          .refine(
            (text) => /^[0-9a-f]{64}$/.test(text),
            'expected the SHA-256 of a certificate: 64 hexadecimal digits',
          ),
      )
      .min(1)
      .describe('SHA-256 fingerprints of the client certificates that it may show; two while one is replaced.'),
    subscriptionHeader: headerName()
      .default('x-tollgate-subscription')
      .describe(
        'The header in which it names the subscription. Read beside one of these certificates, and never else.',
      ),
    certificateHeader: headerName()
      .default('x-forwarded-client-cert')
      .describe(
        'The header in which the ingress before Tollgate tells the certificate (`Hash=…`, as Envoy and Container Apps do). ' +
          'Only for an ingress that ends TLS, demands a certificate, and writes this header itself whatever came in it.',
      ),
  })
  .optional()
  .describe(
    'A gateway in front that knows who calls, says it in a header, and proves by a client certificate that it is the one. ' +
      'By a token instead: `entra.callers` with `subscriptionHeader`.',
  );

export function frontTermsOf(values: Frozen<NonNullable<z.output<typeof front>>>): FrontTerms {
  const { certificates, certificateHeader, subscriptionHeader } = values;
  return Object.freeze({ certificates: new Set(certificates), certificateHeader, subscriptionHeader });
}
