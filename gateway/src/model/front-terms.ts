/** How a gateway in front proves who it is by a client certificate, and says whose call it is. */
export interface FrontTerms {
  /** SHA-256 of the certificates that are believed, lower-case hexadecimals. */
  readonly certificates: ReadonlySet<string>;
  /** Where the ingress tells which certificate came; lower-case. */
  readonly certificateHeader: string;
  /** Where the gateway in front names the subscription; lower-case. */
  readonly subscriptionHeader: string;
}
