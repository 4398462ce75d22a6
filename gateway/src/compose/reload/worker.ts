import { parcelsOf, type Parcel } from '#config/parcels.ts';
import type { HeldSecret } from '#config/ports.ts';
import { composeRules } from '#compose/rules.ts';
import type { LoadAnswer, Loading, LoadingData, LoadRequest } from './messages.ts';

/** Loads configurations in a thread of its own, from what the gateway's thread says of the world. */
export function loadingService({ settings, tokenProviders }: LoadingData): Loading {
  let held: ReadonlyMap<string, HeldSecret> = new Map();
  let now = 0;
  let parcels: Iterator<Parcel> | undefined;
  const wanted = new Set<string>();
  const rules = composeRules(settings, {
    tokenProviders,
    clock: { now: () => now },
    secrets: {
      held(reference) {
        const known = held.get(reference);
        if (known === undefined) wanted.add(reference);
        return known ?? { problem: `the secret ${reference} has not been read yet`, fix: 'Reload the configuration.' };
      },
    },
  });

  return {
    load(request: LoadRequest): LoadAnswer {
      ({ held, now } = request);
      wanted.clear();
      parcels = undefined;
      const result = rules.load(request.source);
      if (!result.ok) return { ok: false, problems: result.problems, wanted: [...wanted] };
      const { config, digest, source, warnings } = result.loaded;
      const list = rules.listOf(config);
      const answer = {
        ok: true,
        source,
        digest,
        warnings,
        wanted: [...wanted],
        priceBook: rules.priceBook(config).id,
      } as const;
      if (digest === request.digest) return { ...answer, sends: 'nothing' };
      if (list.digest === request.listDigest) {
        parcels = parcelsOf({ config });
        return { ...answer, sends: 'config' };
      }
      parcels = parcelsOf({ config, list });
      return { ...answer, sends: 'config-and-list' };
    },
    next() {
      const next = parcels?.next();
      return next === undefined || next.done === true ? null : next.value;
    },
  };
}
