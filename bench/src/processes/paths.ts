import { fileURLToPath } from 'node:url';

const fromHere = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The benchmark's own entry, which starts its roles. */
export const benchMain = fromHere('../main.ts');
/** The programs are started as users start them: as files, never as imports. */
export const gatewayMain = fromHere('../../../gateway/src/main.ts');
export const twinMain = fromHere('../../../twin/src/main.ts');
