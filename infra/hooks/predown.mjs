// Runs before `azd down`: with a lock on the group it would stop half way.
if (process.env.USE_LOCKS === 'true') {
  console.error(
    "The group is locked: azd env set USE_LOCKS false, azd provision, then 'azd down --purge'. Export the ledger first: docs/azure/operations.md.",
  );
  process.exitCode = 1;
}
