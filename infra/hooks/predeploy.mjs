// Runs before `azd deploy`: the registry must be there to push to.
const { AZURE_CONTAINER_REGISTRY_ENDPOINT } = process.env;

if (!AZURE_CONTAINER_REGISTRY_ENDPOINT) {
  console.error("There is no registry yet: run 'azd provision' first.");
  process.exitCode = 1;
}
