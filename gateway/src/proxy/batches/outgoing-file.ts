import { Failure } from '#kernel/errors.ts';
import type { JsonObject } from '#kernel/json.ts';
import { parseJsonObject } from '#kernel/json.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Services } from '#proxy/services.ts';
import { readWhole } from '#proxy/stored-reply.ts';
import type { UpstreamReply } from '#proxy/upstream/send.ts';
import { Watchdog } from '#proxy/upstream/watchdog.ts';
import { ResourceCall, type Asked } from './resource-call.ts';
import { brokeOff, failureFor, notJson, refusalIn } from './resource.ts';
import { UploadBody } from './upload-body.ts';

/** Characters that would end the name, or the head that it stands in. */
const notInName = /["\r\n\\]/g;
const longestName = 200;

/** A file on its way to a resource: lines as they come, then the end, then the resource's answer. */
export class OutgoingFile {
  readonly #services: Services;
  readonly #body: UploadBody;
  readonly #boundary: string;
  readonly #call: ResourceCall;
  readonly #reply: Promise<UpstreamReply>;
  /** The resource has answered, or failed, before it had all of it. */
  #early: UpstreamReply | Error | undefined;

  private constructor(
    services: Services,
    made: { readonly body: UploadBody; readonly boundary: string; readonly call: ResourceCall },
  ) {
    this.#services = services;
    this.#body = made.body;
    this.#boundary = made.boundary;
    this.#call = made.call;
    this.#reply = made.call.reply();
    this.#reply.then(
      (reply) => (this.#early = reply),
      (error: unknown) => (this.#early = error instanceof Error ? error : new Error('no reply')),
    );
  }

  static async to(
    services: Services,
    endpoint: Endpoint,
    { filename, traceContext, trace }: { readonly filename: string } & Pick<Asked, 'traceContext' | 'trace'>,
  ): Promise<OutgoingFile> {
    const body = new UploadBody();
    const boundary = `tollgate-${services.ids(services.clock.now())}`;
    const form = { contentType: `multipart/form-data; boundary=${boundary}`, body };
    const call = await ResourceCall.begin(services, endpoint, {
      operation: 'files.create',
      raw: null,
      traceContext,
      trace,
      form,
    });
    const file = new OutgoingFile(services, { body, boundary, call });
    const name = filename.replace(notInName, '_').slice(-longestName);
    await body.write(
      Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n` +
          `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n` +
          'content-type: application/jsonl\r\n\r\n',
      ),
    );
    return file;
  }

  /** Resolves when more may be written. Rejects with the Failure to tell where the resource takes no more. */
  async write(line: Buffer): Promise<void> {
    if (this.#early !== undefined) throw await this.#refusal(this.#early);
    await this.#body.write(Buffer.concat([line, Buffer.from('\n')]));
  }

  /** Nothing of it is to be kept: a form without its closing boundary is none. */
  giveUp(): void {
    this.#call.giveUp();
    this.#body.destroy();
    this.#call.end();
  }

  /** The resource takes nothing of it, or does not answer. */
  expired(): void {
    this.#call.expired();
    this.giveUp();
  }

  /** That was all of it: resolves with what the resource made of it. */
  async finish({
    timeoutMs,
    fields,
  }: {
    readonly timeoutMs: number;
    readonly fields: ReadonlyMap<string, string>;
  }): Promise<{ readonly id: string; readonly json: JsonObject }> {
    const rest = [...fields].map(
      ([name, value]) => `\r\n--${this.#boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}`,
    );
    await this.#body.write(Buffer.from(`${rest.join('')}\r\n--${this.#boundary}--\r\n`));
    this.#body.finish();
    const { alarms, clock } = this.#services;
    const deadlineAt = clock.monotonic() + timeoutMs;
    const limits = { deadlineAt, firstByteMs: null, idleMs: timeoutMs };
    const watchdog = new Watchdog(alarms, limits, { expired: () => this.expired() });
    try {
      const reply = await this.#reply;
      const bytes = await readWhole(reply, watchdog).body;
      const refusal = this.#refusalIn(reply, bytes);
      if (refusal !== undefined) throw refusal;
      if (bytes === undefined) {
        this.#call.brokeOff();
        throw brokeOff();
      }
      const json = parseJsonObject(bytes.toString('utf8'));
      const id = json?.['id'];
      if (json === undefined || typeof id !== 'string') throw notJson();
      return { id, json };
    } catch (thrown) {
      throw failureFor(thrown);
    } finally {
      watchdog.stop();
      this.#call.end();
    }
  }

  async #refusal(early: UpstreamReply | Error): Promise<unknown> {
    if (early instanceof Error) return failureFor(early);
    const refusal = this.#refusalIn(early) ?? brokeOff();
    early.abort();
    return await Promise.resolve(refusal);
  }

  /** `body`: of the reply, where it was read. */
  #refusalIn(reply: UpstreamReply, body?: Buffer): Failure | undefined {
    if (reply.status >= 300) this.#call.refused(reply, body);
    if (this.#call.hasAnotherToken)
      return new Failure('upstream_unavailable', 'The token for the resource was renewed meanwhile: upload it again.', {
        retryAfterSeconds: 1,
      });
    const notFound = new Failure('upstream_misconfigured', 'The resource keeps no files.');
    const refusal = refusalIn(reply, { notFound, now: this.#services.clock.now() });
    if (refusal !== undefined || reply.status < 300) return refusal;
    if (reply.status === 413)
      return new Failure('request_too_large', 'The file is larger than the resource takes.', { param: 'file' });
    return new Failure('invalid_batch_file', `The resource refuses the file (${reply.status}).`, { param: 'file' });
  }
}
