import { z } from 'zod';
import { AppConfiguration, type AppConfigurationSettings } from '#app-configuration/service.ts';
import type { EntraSettings } from '#entra/config.ts';
import { Login } from '#entra/login.ts';
import { ManagedIdentity } from '#entra/managed-identity.ts';
import { TokenIssuer, type TokenContent } from '#entra/tokens.ts';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import { KeyVault, type KeyVaultSettings } from '#key-vault/service.ts';
import { LogIngestion, type LogsSettings } from '#logs/ingestion.ts';
import { LogQuery, type WorkspaceSettings } from '#logs/query.ts';
import { ApplicationInsights } from '#telemetry/application-insights.ts';
import { Collector } from '#telemetry/collector.ts';
import { ServiceFaults, serviceFaultSchema, type ServiceFaultInput } from '#services/faults.ts';

const claim: z.ZodType<null | boolean | number | string | string[]> = z.union([
  z.null(),
  z.boolean(),
  z.number(),
  z.string(),
  z.array(z.string()),
]);

export const tokenContentSchema = z.strictObject({
  tenant: z.string().optional().describe('Default: the first.'),
  clientId: z.string().optional().describe('Default: the first application that has a secret.'),
  audience: z.string(),
  version: z.union([z.literal(1), z.literal(2)]).default(2),
  roles: z.array(z.string()).optional(),
  scopes: z.array(z.string()).optional(),
  groups: z.array(z.string()).optional(),
  lifetimeSeconds: z.number().int().optional(),
  claims: z.record(z.string(), claim).optional(),
});

export type AskedToken = z.input<typeof tokenContentSchema>;

/** Azure's services beside Azure OpenAI, as one. */
export class AzureServices {
  readonly faults: ServiceFaults;
  readonly issuer: TokenIssuer;
  readonly settings: EntraSettings;
  readonly login: Login;
  readonly managedIdentity: ManagedIdentity;
  readonly logs: LogIngestion;
  readonly logQuery: LogQuery;
  readonly collector: Collector;
  readonly insights: ApplicationInsights;
  readonly keyVault: KeyVault;
  readonly appConfiguration: AppConfiguration;
  /** The address that the login service has over TLS; empty while nothing listens there. */
  authority = '';

  constructor(
    {
      entra: settings,
      logs,
      workspace,
      keyVault,
      appConfiguration,
    }: {
      readonly entra: EntraSettings;
      readonly logs: LogsSettings;
      readonly workspace: WorkspaceSettings;
      readonly keyVault: KeyVaultSettings;
      readonly appConfiguration: AppConfigurationSettings;
    },
    given: { readonly clock: Clock; readonly ids: IdSource },
  ) {
    this.settings = settings;
    this.faults = new ServiceFaults(given.clock);
    this.issuer = new TokenIssuer(given.clock, given.ids);
    const parts = { settings, issuer: this.issuer, faults: this.faults, ...given };
    this.login = new Login(parts);
    this.managedIdentity = new ManagedIdentity(parts, () => this.authority);
    const takesToken = (token: string, audiences: readonly string[]): boolean => this.takesToken(token, audiences);
    const common = { faults: this.faults, takesToken, ...given };
    this.collector = new Collector(this.faults);
    this.insights = new ApplicationInsights(common);
    this.logs = new LogIngestion({ settings: logs, ...common });
    this.logQuery = new LogQuery({ settings: workspace, rules: logs, logs: this.logs, ...common });
    const signInAt = (): string => `${this.authority}/${settings.tenants[0] ?? ''}`;
    this.keyVault = new KeyVault({ settings: keyVault, signInAt, ...common });
    this.appConfiguration = new AppConfiguration({ settings: appConfiguration, ...common });
  }

  /** A token as Entra would make it, of whatever content. */
  token(asked: AskedToken): string {
    const { tenant, clientId, ...rest } = tokenContentSchema.parse(asked);
    const [firstTenant = ''] = this.settings.tenants;
    const [application = ''] =
      Object.entries(this.settings.applications).find(([, one]) => one.secret !== undefined) ?? [];
    const content: TokenContent = {
      ...definedOf(rest),
      tenant: tenant ?? firstTenant,
      clientId: clientId ?? application,
    };
    return this.issuer.issue(content, this.authority);
  }

  /** Whether a token is in force, of one of the tenants, and for one of these audiences. */
  takesToken(token: string, audiences: readonly string[]): boolean {
    const claims = this.issuer.read(token);
    const { aud, tid } = claims ?? {};
    return typeof aud === 'string' && audiences.includes(aud) && this.settings.tenants.some((one) => one === tid);
  }

  addFault(fault: ServiceFaultInput): void {
    this.faults.add(serviceFaultSchema.parse(fault));
  }

  reset(): void {
    this.faults.clear();
    this.logs.reset();
    this.collector.reset();
    this.insights.reset();
    this.keyVault.reset();
    this.appConfiguration.reset();
  }
}

type Given = Omit<z.output<typeof tokenContentSchema>, 'tenant' | 'clientId'>;
type Defined = Omit<TokenContent, 'tenant' | 'clientId'>;

function definedOf({ audience, version, roles, scopes, groups, lifetimeSeconds, claims }: Given): Defined {
  return {
    audience,
    version,
    roles: roles ?? [],
    scopes: scopes ?? [],
    groups: groups ?? [],
    lifetimeSeconds: lifetimeSeconds ?? 3600,
    claims: claims ?? {},
  };
}
