import type { Models } from './check-settings.mjs';

export function askAzure(settings: Readonly<Record<string, string | undefined>>, models: Models): Promise<string[]>;
