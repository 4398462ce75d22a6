import type { IncomingMessage } from 'node:http';
import { Failure, toFailure } from '#kernel/errors.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence } from '#model/presence.ts';
import { readInOwnTime } from '#proxy/accept/patience.ts';
import { MultipartReader, type FormPiece } from '#proxy/accept/multipart.ts';
import type { MostUsed } from '#proxy/ports.ts';
import { ownerOf } from '#proxy/routing/affinity/homes.ts';
import type { Services } from '#proxy/services.ts';
import { Watchdog, type Expiry } from '#proxy/upstream/watchdog.ts';
import { chooseEndpoint } from './choose-endpoint.ts';
import { LineChecks, type CheckedLine } from './check-line.ts';
import { inputFileId, ownerTag, sealingFor, taggedName } from './ids.ts';
import { LineSplitter } from './line-splitter.ts';
import { OutgoingFile } from './outgoing-file.ts';
import { clientFile } from './views.ts';

export interface UploadCall {
  readonly request: IncomingMessage;
  readonly presence: Presence;
  readonly arrival: Arrival;
  readonly caller: Caller;
}

/** More are not told: whoever made so many made them all alike. */
const mostTold = 20;
/** A field of the form that is no file, bytes. */
const longestField = 1024;
/** How clients write `expires_after` into a form. */
const expiryFields: ReadonlyMap<string, RegExp> = new Map([
  ['expires_after[anchor]', /^created_at$/],
  ['expires_after[seconds]', /^\d{1,10}$/],
]);

const invalid = (param: string, message: string): Failure => new Failure('invalid_request_body', message, { param });

/** Space, tab, carriage return. */
const blanks = new Set([0x20, 0x09, 0x0d]);
const isBlank = (line: Buffer): boolean => line.every((byte) => blanks.has(byte));

const byteOrderMark = Buffer.from('\uFEFF');
/** Without the mark that Windows puts before a file: it belongs to no line, and not every reader knows it. */
const withoutMark = (line: Buffer): Buffer => (line.subarray(0, 3).equals(byteOrderMark) ? line.subarray(3) : line);

/** A file on its way from a client, line by line, to the resource that will run it. */
class Upload {
  readonly #services: Services;
  readonly #call: UploadCall;
  readonly #checks: LineChecks;
  readonly #wrong: string[] = [];
  readonly #terms: Arrival['snapshot']['batches'];
  #out: OutgoingFile | undefined;
  #field: { readonly name: string; text: string } | undefined;
  #filename: string | undefined;
  #inFile = false;
  #purpose: string | undefined;
  readonly #expiry = new Map<string, string>();
  readonly #splitter = new LineSplitter();
  #chunks: AsyncIterator<unknown> | undefined;
  #bytes = 0;
  #line = 0;
  #lines = 0;
  /** While something of the client's is waited for: gives that up. */
  #waiting: ((failure: Failure) => void) | undefined;
  #nano: bigint | null = 0n;
  #tokens: number | null = 0;

  constructor(services: Services, call: UploadCall) {
    this.#services = services;
    this.#call = call;
    this.#checks = new LineChecks(services, call);
    this.#terms = call.arrival.snapshot.batches;
  }

  /** The file as its caller sees it. */
  async run(): Promise<JsonObject> {
    try {
      await this.#read();
      this.#judge();
      return await this.#finish();
    } catch (thrown) {
      this.#out?.giveUp();
      if (!this.#call.presence.gone) {
        void this.#letRunOut();
        throw thrown;
      }
      throw new Failure('malformed_request', 'The connection was closed before the file was complete.');
    }
  }

  /** What has arrived of it is not kept. */
  clientLeft(): void {
    this.#out?.giveUp();
  }

  /** The upload stands still, or takes too long. */
  expired(why: Expiry): void {
    const waits = this.#waiting;
    // Where the client waits for the resource, that is told by what is written next.
    if (waits === undefined && why === 'silence') this.#out?.expired();
    else this.#out?.giveUp();
    waits?.(
      new Failure(
        'request_timeout',
        why === 'deadline'
          ? 'The upload takes too long: batches.uploadDeadline.'
          : 'Nothing of the file has come for too long: batches.uploadSilence.',
      ),
    );
  }

  async #read(): Promise<void> {
    const { request } = this.#call;
    const reader = new MultipartReader(request.headers['content-type']);
    this.#call.presence.watch(this);
    readInOwnTime(request);
    // The connection is still needed for the answer, however this ends.
    this.#chunks = request.iterator({ destroyOnReturn: false });
    const watchdog = this.#watchdog();
    try {
      await this.#readForm(this.#chunks, { reader, watchdog });
    } finally {
      watchdog.stop();
    }
  }

  #watchdog(): Watchdog {
    const { uploadSilenceMs: idleMs, uploadDeadlineMs } = this.#terms;
    const { alarms, clock } = this.#services;
    const deadlineAt = clock.monotonic() + uploadDeadlineMs;
    const watchdog = new Watchdog(alarms, { deadlineAt, firstByteMs: null, idleMs }, this);
    watchdog.touch();
    return watchdog;
  }

  /**
   * What still comes of a file that is refused is thrown away, for as much as a file may have: most clients send all of it
   * before they read an answer, and would be told of a broken connection instead of what is wrong. Never rejects.
   */
  async #letRunOut(): Promise<void> {
    if (this.#chunks === undefined) return;
    const watchdog = this.#watchdog();
    try {
      for (let bytes = 0; bytes <= this.#terms.maxFileBytes;) {
        const chunk = await this.#next(this.#chunks);
        if (chunk === undefined) return;
        bytes += chunk.length;
        watchdog.touch();
      }
    } catch {
      // It stands still, or is gone.
    } finally {
      watchdog.stop();
    }
    this.#call.request.destroy();
  }

  /** The next piece of the body; undefined at its end. Rejects where it is waited for in vain. */
  async #next(chunks: AsyncIterator<unknown>): Promise<Buffer | undefined> {
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting = reject;
        chunks.next().then(({ value }) => resolve(value instanceof Buffer ? value : undefined), reject);
      });
    } finally {
      this.#waiting = undefined;
    }
  }

  async #readForm(
    chunks: AsyncIterator<unknown>,
    { reader, watchdog }: { readonly reader: MultipartReader; readonly watchdog: Watchdog },
  ): Promise<void> {
    for (;;) {
      const chunk = await this.#next(chunks);
      if (chunk === undefined) break;
      watchdog.touch();
      for (const piece of reader.push(chunk)) await this.#take(piece);
      if (this.#wrong.length >= mostTold) break;
      watchdog.touch();
    }
    if (!reader.complete && this.#wrong.length === 0)
      throw new Failure('invalid_request_body', 'The form ends before its closing boundary.');
  }

  async #take(piece: FormPiece): Promise<void> {
    if (piece.kind === 'part') this.#beginPart(piece.head);
    else if (piece.kind === 'data') await this.#takeData(piece.bytes);
    else await this.#endPart();
  }

  #beginPart({ name, filename }: { readonly name: string; readonly filename: string | null }): void {
    this.#inFile = name === 'file';
    this.#field = this.#inFile ? undefined : { name, text: '' };
    if (!this.#inFile) return;
    if (this.#filename !== undefined) throw invalid('file', 'One file is uploaded at a time.');
    if (filename === null || filename === '') throw invalid('file', "'file' must have a filename.");
    this.#filename = filename;
  }

  async #takeData(bytes: Buffer): Promise<void> {
    if (this.#field !== undefined) {
      this.#field.text += bytes.toString('utf8');
      if (this.#field.text.length > longestField) throw invalid(this.#field.name, 'A field of the form is too long.');
      return;
    }
    this.#bytes += bytes.length;
    if (this.#bytes > this.#terms.maxFileBytes)
      throw new Failure('request_too_large', `The file is larger than ${this.#terms.maxFileBytes} bytes.`);
    await this.#takeLines(bytes);
  }

  async #takeLines(bytes: Buffer): Promise<void> {
    for (const line of this.#splitter.push(bytes)) await this.#takeLine(line);
    const most = this.#call.arrival.snapshot.limits.maxBodyBytes;
    if (this.#splitter.pending > most)
      throw new Failure('request_too_large', `Line ${this.#line + 1} is longer than ${most} bytes.`);
  }

  async #takeLine(arrived: Buffer): Promise<void> {
    this.#line += 1;
    if (this.#wrong.length >= mostTold) return;
    const line = this.#line === 1 ? withoutMark(arrived) : arrived;
    if (isBlank(line)) {
      // Each is cheap, and a file of nothing else has a hundred millions of them.
      if (this.#line - this.#lines > this.#terms.maxLines)
        throw new Failure('invalid_batch_file', `The file has more than ${this.#terms.maxLines} empty lines.`);
      return;
    }
    this.#lines += 1;
    if (this.#lines > this.#terms.maxLines)
      throw new Failure('invalid_batch_file', `The file has more than ${this.#terms.maxLines} lines.`);
    const checked = await this.#check(line);
    if (checked === undefined) return;
    const { bytes, most } = checked;
    this.#nano = this.#nano === null || most.nano === null ? null : this.#nano + most.nano;
    this.#tokens = this.#tokens === null || most.tokens === null ? null : this.#tokens + most.tokens;
    await this.#pass(bytes);
  }

  /** Undefined where something is wrong with the line: that is for the list. What is wrong with the gateway ends it. */
  async #check(line: Buffer): Promise<CheckedLine | undefined> {
    try {
      return await this.#checks.check(line, (route) => chooseEndpoint(this.#services, route));
    } catch (thrown) {
      const failure = toFailure(thrown);
      // That there is nowhere to send it to now is no mistake in the line.
      if (failure.status >= 500 || failure.code === 'upstream_throttled') throw failure;
      this.#wrong.push(`line ${this.#line}: ${failure.message}`);
      this.#out?.giveUp();
      return undefined;
    }
  }

  /** Once a line is wrong nothing more is sent: the rest is read for what else is wrong with it. */
  async #pass(line: Buffer): Promise<void> {
    const { target } = this.#checks;
    if (this.#wrong.length > 0 || target === undefined) return;
    this.#out ??= await this.#begin(target.endpoint);
    await this.#out.write(line);
  }

  async #begin(endpoint: Endpoint): Promise<OutgoingFile> {
    const { arrival, caller } = this.#call;
    const { affinity } = arrival.snapshot;
    const filename = taggedName(this.#filename ?? '', ownerTag(affinity, ownerOf(affinity, caller)));
    const trace = arrival.trace?.beginAttempt(endpoint);
    return await OutgoingFile.to(this.#services, endpoint, { filename, traceContext: arrival.traceContext, trace });
  }

  async #endPart(): Promise<void> {
    if (this.#field !== undefined) this.#takeField(this.#field);
    this.#field = undefined;
    if (!this.#inFile) return;
    this.#inFile = false;
    const last = this.#splitter.end();
    if (last.length > 0) await this.#takeLine(last);
  }

  #takeField({ name, text }: { readonly name: string; readonly text: string }): void {
    if (name === 'purpose') this.#purpose = text;
    else if (expiryFields.get(name)?.test(text) === true) this.#expiry.set(name, text);
    else if (expiryFields.has(name)) throw invalid(name, "'expires_after' is created_at and a number of seconds.");
    else throw invalid(name.slice(0, 64), 'Only file, purpose and expires_after may be sent with a file.');
  }

  /** Everything has been read: what is wrong with it? */
  #judge(): void {
    if (this.#purpose !== undefined && this.#purpose !== 'batch')
      throw new Failure(
        'operation_not_metered',
        "Only files with the purpose 'batch' are served: Tollgate cannot meter what else is done with files.",
        { param: 'purpose' },
      );
    if (this.#wrong.length > 0) {
      const more = this.#wrong.length >= mostTold ? ' More may be wrong behind them.' : '';
      throw new Failure('invalid_batch_file', `Nothing was kept. ${this.#wrong.join(' ')}${more}`, { param: 'file' });
    }
    if (this.#filename === undefined) throw invalid('file', "'file' is missing.");
    if (this.#purpose === undefined) throw invalid('purpose', "'purpose' is missing.");
    if (this.#out === undefined)
      throw new Failure('invalid_batch_file', 'The file has no line that could be run.', { param: 'file' });
  }

  async #finish(): Promise<JsonObject> {
    const { target } = this.#checks;
    const { arrival, caller } = this.#call;
    if (this.#out === undefined || target === undefined) throw new Error('There is nothing to finish.');
    const file = await this.#out.finish({ timeoutMs: this.#terms.uploadTimeoutMs, fields: this.#expiry });
    const { operation, route, endpoint } = target;
    const most: MostUsed = { nano: this.#nano, tokens: this.#tokens };
    const { name, deployment } = endpoint;
    const { snapshot, receivedAt: at } = arrival;
    const product = caller.subscription.product.name;
    const prices = snapshot.prices.edition(endpoint, { product: caller.chargedTo.product, at });
    const lines = this.#lines;
    const facts = { endpoint: name, deployment, model: route.name, operation, lines, most, product, prices };
    const sealing = sealingFor(snapshot, caller, endpoint);
    return clientFile(file.json, inputFileId(sealing, file.id, facts));
  }
}

/**
 * Passes a file on to one of the resources that run batches of its model, while it arrives: every line is checked as the
 * call that it is, and names the deployment when it goes on. Where anything is wrong the upload is broken off, so that the
 * resource keeps nothing of it.
 */
export async function uploadFile(services: Services, call: UploadCall): Promise<JsonObject> {
  return await new Upload(services, call).run();
}
