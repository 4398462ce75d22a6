/** How a configuration stands in Azure App Configuration: the words that whoever writes it and whoever reads it share. */

/** What every key begins with: `tollgate` alone is the whole document, `tollgate:endpoints:weu` an entry of a section. */
export const rootKey = 'tollgate';
/** Where it is there, the others are looked at when it changes. */
export const sentinelKey = `${rootKey}:sentinel`;
/** What the sentinel's value begins with while the others are being written: until it says something else, they are no whole. */
export const pushPrefix = 'writing ';
