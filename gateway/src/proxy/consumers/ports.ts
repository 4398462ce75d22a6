import type { TokenClaims, TokenTerms } from '#model/token-terms.ts';

/** Believes access tokens, or not. */
export interface TokenVerifier {
  /**
   * What the token says: it is signed by one of the tenants, for one of the audiences, and in force. A promise where its
   * signature has to be checked, which is so for a token that was not seen lately. Throws or rejects with the Failure to
   * tell; no message repeats the token.
   */
  verify(token: string, terms: TokenTerms): TokenClaims | Promise<TokenClaims>;
}
