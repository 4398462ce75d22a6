// Runs before `azd down`: with a lock on the group it would stop half way.
if (process.env.USE_LOCKS === 'true') {
  console.error(
    'The group is locked, and provisioning does not take a lock away: azd env set USE_LOCKS false, then ' +
      `az lock delete --name tollgate --resource-group "$AZURE_RESOURCE_GROUP", then 'azd down --purge'. ` +
      'Export the ledger first: docs/azure/operations.md.',
  );
  process.exitCode = 1;
}
