/** An error that Tollgate itself can answer with. */
export interface ErrorDefinition {
  /** HTTP status of the reply. */
  readonly status: number;
  /** `error.type` in the OpenAI dialect, which SDKs map to their typed errors. */
  readonly type:
    | 'invalid_request_error'
    | 'authentication_error'
    | 'permission_error'
    | 'rate_limit_error'
    | 'server_error';
  /** One sentence for the reference page: what has happened. */
  readonly meaning: string;
  /** One sentence for the reference page: what the caller or the operator can do. */
  readonly remedy: string;
  /** Where it can be raised. */
  readonly plane: 'data' | 'admin';
}
