import type { Exchange } from './exchange.ts';

const regionNames: Readonly<Record<string, string>> = {
  westeurope: 'West Europe',
  northeurope: 'North Europe',
  swedencentral: 'Sweden Central',
  francecentral: 'France Central',
  germanywestcentral: 'Germany West Central',
  switzerlandnorth: 'Switzerland North',
  uksouth: 'UK South',
  eastus: 'East US',
  eastus2: 'East US 2',
  westus: 'West US',
  westus3: 'West US 3',
};

/** The headers of every reply of the service, errors included. */
export function commonHeaders(exchange: Exchange): Record<string, string> {
  const { resource, ids, callerId } = exchange;
  return {
    server: 'tollgate-twin',
    'apim-request-id': ids.uuid(),
    'x-request-id': ids.uuid(),
    'x-content-type-options': 'nosniff',
    'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
    ...(resource === undefined ? {} : { 'x-ms-region': regionNames[resource.region] ?? resource.region }),
    ...(callerId === undefined ? {} : { 'x-ms-client-request-id': callerId }),
  };
}
