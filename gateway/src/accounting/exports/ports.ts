/** Signs exports for this organisation. */
export interface ExportSigner {
  /** The first 32 hexadecimal digits of the SHA-256 of the public key (SPKI, DER). */
  readonly keyId: string;
  /** PEM (SPKI). */
  readonly publicKey: string;
  /** The Ed25519 signature of these bytes, 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}
