import { ledgerFaults, type LedgerFault, type LedgerProblem } from '@tollgate/contract/admin-api/ledger.ts';

const mostToldOfAFault = 100;

interface Words {
  /** What is counted. */
  readonly what: string;
  readonly remedy: string;
}

const restoreStore = 'Restore the store from a backup; what was journalled since is shipped again by itself.';
const restoreFile =
  'Put the file back from a backup. What the store was told of it is safe; what stood only there is lost.';

const words: Readonly<Record<LedgerFault, Words>> = {
  damage: {
    what: 'Places in the journal that cannot be read; what stood there is lost, what follows is not',
    remedy:
      'Look at the disk. If the store lacks what stood there, put the file back from a backup and ship it again: ' +
      '`tollgate ledger reship`.',
  },
  'torn-tail': {
    what: "Bytes at the journal's end that are no whole entry",
    remedy: 'Nothing: what a killed process leaves never counted, and the next start cuts it off.',
  },
  'missing-segment': {
    what: 'Files of the journal that are not there; what stood in them is not checked',
    remedy: restoreFile,
  },
  'foreign-segment': {
    what: 'Files of the journal that hold what belongs under another name',
    remedy: 'Somebody renamed or exchanged them: the first line of each says its number. Put them back.',
  },
  'missing-archive': {
    what: 'Archives of the manifest that are not there, although nothing has removed them',
    remedy: restoreFile,
  },
  'altered-archive': {
    what: 'Archives that are not what was made: their SHA-256 is another',
    remedy: `${restoreFile} What in them has the right checksum was compared all the same.`,
  },
  'unlisted-archive': {
    what: 'Archives that the manifest does not know; whether they are whole is not known',
    remedy: 'Put `archive/manifest.json` back from a backup that is as new as they are.',
  },
  'unreadable-manifest': {
    what: 'Manifests of the archives that cannot be read; nothing is archived or removed until it can',
    remedy: 'Put `archive/manifest.json` back from a backup.',
  },
  'lost-open': {
    what: 'Records without an admission before them: entries of the journal are gone',
    remedy: 'The records count. Compare the journal with a backup to see what else is gone.',
  },
  'lost-settle': {
    what: 'Attempts that were admitted, are no longer under way and have no record: entries of the journal are gone',
    remedy: 'Where the store has the record, it counts. Compare the journal with a backup to see what else is gone.',
  },
  'settled-twice': {
    what: 'Attempts with more than one record in the journal; the first counts, none is counted twice',
    remedy: 'Find out who wrote the second: a journal has one writer.',
  },
  'missing-in-store': {
    what: 'Entries of the journal that the store does not have',
    remedy: 'Ship the journal again, which adds what is missing and changes nothing else: `tollgate ledger reship`.',
  },
  'missing-in-journal': {
    what: 'Entries of the store that the journal does not have',
    remedy:
      'Either the journal lost its end with the power, or was replaced, and the store is right: keep it. Or something ' +
      `else than Tollgate wrote to the store. ${restoreStore}`,
  },
  'removed-not-stored': {
    what: 'Records of archives that retention has removed, and that the store does not have',
    remedy: `The store was made anew without them. ${restoreStore}`,
  },
  different: {
    what: 'Entries of the store that say something else than the journal',
    remedy: `The journal is right; something has changed the store. ${restoreStore}`,
  },
  'wrong-roll-ups': {
    what: 'Roll-ups that are not the sum of their records',
    remedy: `The records are right, reports are not. ${restoreStore}`,
  },
  'wrong-sum': {
    what: 'Sums over the whole ledger that differ',
    remedy: 'Follow the other findings: sums differ in their wake.',
  },
};

/** What was found, kind by kind; of very many only the first are told by name. */
export class Findings {
  readonly #found = new Map<LedgerFault, { count: number; readonly where: string[] }>();

  add(fault: LedgerFault, where: string): void {
    this.addMany(fault, 1, where);
  }

  addMany(fault: LedgerFault, count: number, where?: string): void {
    if (count === 0) return;
    const found = this.#found.get(fault) ?? { count: 0, where: [] };
    this.#found.set(fault, found);
    found.count += count;
    if (where !== undefined && found.where.length < mostToldOfAFault) found.where.push(where);
  }

  problems(): LedgerProblem[] {
    return ledgerFaults.flatMap((fault) => {
      const found = this.#found.get(fault);
      if (found === undefined) return [];
      const { count, where } = found;
      return [{ fault, count, what: `${words[fault].what}: ${count}.`, remedy: words[fault].remedy, where }];
    });
  }
}
