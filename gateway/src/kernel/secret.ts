/**
 * A secret of the configuration: `reveal()` is the only way to its text. JSON, templates and the inspector show `***`,
 * so that a configuration can be shown and logged whole.
 */
export class Secret {
  /** Where the text stands, when it is in a file; relative to the configuration file. */
  readonly file: string | null;
  /** Where the text stands, when it is in Azure Key Vault: `https://name.vault.azure.net/secrets/name[/version]`. */
  readonly keyVault: string | null;
  /** Whether the configuration may state what to use where the environment has nothing: `${NAME:-default}`. */
  readonly mayHaveDefault: boolean;
  #text: string;

  constructor(
    source: { readonly text: string } | { readonly file: string } | { readonly keyVault: string },
    mayHaveDefault = true,
  ) {
    this.file = 'file' in source ? source.file : null;
    this.keyVault = 'keyVault' in source ? source.keyVault : null;
    this.mayHaveDefault = mayHaveDefault;
    this.#text = 'text' in source ? source.text : '';
  }

  /** Takes the text of its file or of the vault: once, by the loader, before anybody sees the configuration. */
  load(text: string): void {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return 'Secret(***)';
  }
}
