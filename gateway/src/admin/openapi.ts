import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { auditEntrySchema, auditPageSchema } from '@tollgate/contract/admin-api/audit.ts';
import {
  budgetEventPageSchema,
  budgetEventSchema,
  budgetListSchema,
  budgetRefusalsSchema,
  budgetSchema,
  budgetSimulationSchema,
  limitListSchema,
  topUpListSchema,
  topUpSchema,
} from '@tollgate/contract/admin-api/budgets.ts';
import {
  adminErrorSchema,
  configInForceSchema,
  configReloadSchema,
  healthSchema,
  ledgerVerifySchema,
  priceListSchema,
  priceSchema,
  versionSchema,
} from '@tollgate/contract/admin-api/operations.ts';
import {
  deploymentListSchema,
  endpointHealthSchema,
  routeExplanationSchema,
  routeTraceSchema,
} from '@tollgate/contract/admin-api/routing.ts';
import {
  newKeysSchema,
  productListSchema,
  productSchema,
  subscriptionListSchema,
  subscriptionSchema,
} from '@tollgate/contract/admin-api/subscriptions.ts';
import { exportKeySchema, exportSignatureSchema, exportStatementSchema } from '@tollgate/contract/export-signature.ts';
import {
  ledgerAdjustmentSchema,
  ledgerCostLineSchema,
  ledgerPostingSchema,
  ledgerRecordSchema,
  usageRecordsSchema,
  usageRequestSchema,
} from '@tollgate/contract/admin-api/usage.ts';
import {
  currencyInForceSchema,
  ledgerLagSchema,
  usageBucketSchema,
  usageFiguresSchema,
  usageFilterSchema,
  usageReportSchema,
  usageRestSchema,
  usageRowSchema,
} from '@tollgate/contract/usage.ts';

/** The schemas that the document names; all of them are of replies. */
const named = {
  AdminError: adminErrorSchema,
  AuditEntry: auditEntrySchema,
  AuditPage: auditPageSchema,
  Budget: budgetSchema,
  BudgetEvent: budgetEventSchema,
  BudgetEventPage: budgetEventPageSchema,
  BudgetList: budgetListSchema,
  BudgetRefusals: budgetRefusalsSchema,
  BudgetSimulation: budgetSimulationSchema,
  LimitList: limitListSchema,
  TopUp: topUpSchema,
  TopUpList: topUpListSchema,
  ConfigInForce: configInForceSchema,
  ConfigReload: configReloadSchema,
  Deployment: endpointHealthSchema,
  DeploymentList: deploymentListSchema,
  CurrencyInForce: currencyInForceSchema,
  ExportKey: exportKeySchema,
  ExportSignature: exportSignatureSchema,
  ExportStatement: exportStatementSchema,
  Health: healthSchema,
  LedgerAdjustment: ledgerAdjustmentSchema,
  LedgerCostLine: ledgerCostLineSchema,
  LedgerPosting: ledgerPostingSchema,
  LedgerRecord: ledgerRecordSchema,
  LedgerLag: ledgerLagSchema,
  LedgerVerification: ledgerVerifySchema,
  NewKeys: newKeysSchema,
  Price: priceSchema,
  PriceList: priceListSchema,
  Product: productSchema,
  ProductList: productListSchema,
  RouteExplanation: routeExplanationSchema,
  RouteTrace: routeTraceSchema,
  Subscription: subscriptionSchema,
  SubscriptionList: subscriptionListSchema,
  UsageBucket: usageBucketSchema,
  UsageFigures: usageFiguresSchema,
  UsageFilter: usageFilterSchema,
  UsageRecords: usageRecordsSchema,
  UsageReport: usageReportSchema,
  UsageRequest: usageRequestSchema,
  UsageRest: usageRestSchema,
  UsageRow: usageRowSchema,
  Version: versionSchema,
} as const;

/** What the schemas say of themselves, without what only a machine would add. */
const zodToJsonConfig: NonNullable<Parameters<typeof createJsonSchemaTransform>[0]['zodToJsonConfig']> = {
  override({ zodSchema, jsonSchema }) {
    // The names above are in a registry of our own, and descriptions in the global one.
    const description = z.globalRegistry.get(zodSchema)?.description;
    if (description !== undefined) jsonSchema.description = description;
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    // Replies may get new members: only what is strict says that there are no others.
    if (zodSchema instanceof z.ZodObject && zodSchema.def.catchall === undefined)
      delete jsonSchema.additionalProperties;
  },
};

export function openApiOptions(version: string): FastifyDynamicSwaggerOptions {
  const schemaRegistry = z.registry<{ id?: string }>();
  for (const [id, schema] of Object.entries(named)) schemaRegistry.add(schema, { id });
  const withComponents = createJsonSchemaTransformObject({ schemaRegistry, zodToJsonConfig });
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tollgate admin API',
        version,
        description: 'Who may call, what was used, what it costs, and how the gateway is.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'Subscriptions', description: 'Who may call; keys.' },
        { name: 'Products', description: 'What a team may use, and on which terms.' },
        { name: 'Accounting', description: 'Usage, prices and the ledger.' },
        { name: 'Budgets', description: 'Limits and budgets: what is left, what refused, what was told.' },
        { name: 'Routing', description: 'Where calls go, and why.' },
        { name: 'Exports', description: 'Files for finance; signatures.' },
        { name: 'Operations', description: 'Configuration, health and the audit trail.' },
        { name: 'Open', description: 'What needs no token.' },
      ],
      components: {
        securitySchemes: {
          adminToken: {
            type: 'http',
            scheme: 'bearer',
            description: 'The content of `admin-token` in the data folder.',
          },
        },
      },
      security: [{ adminToken: [] }],
    },
    transform: createJsonSchemaTransform({ schemaRegistry, zodToJsonConfig }),
    transformObject(document) {
      const whole = withComponents(document);
      const schemas = ('components' in whole ? whole.components?.schemas : undefined) ?? {};
      // The library emits every schema a second time, as an input that nothing here refers to.
      for (const id of Object.keys(schemas)) if (!(id in named)) delete schemas[id];
      return whole;
    },
  };
}
