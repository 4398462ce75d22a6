// Runs after `azd provision`: says where things are, and what is still to be done by hand.
const { AZURE_APIM_NAME, NETWORK_ISOLATION, TOLLGATE_ENDPOINT, TOLLGATE_GATEWAY_URL, USE_WAF } = process.env;

console.log(`Callers use   ${TOLLGATE_ENDPOINT}`);
if (TOLLGATE_ENDPOINT !== TOLLGATE_GATEWAY_URL) console.log(`Tollgate      ${TOLLGATE_GATEWAY_URL}`);
if (AZURE_APIM_NAME)
  console.log(`Keys          in API Management (${AZURE_APIM_NAME}): subscriptions Marketing and Finance`);
if (USE_WAF === 'true' && NETWORK_ISOLATION === 'true')
  console.log('Still to do   approve the private endpoint of Front Door: docs/azure/deployment.md, "Front Door"');
console.log('Next          azd deploy, then azd monitor --overview');
