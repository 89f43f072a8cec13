import { randomBytes } from 'node:crypto';
import { OciError, isOciError } from '../../oci/index.js';
import type { RequestNote } from '../call.js';
import { errorResponse } from '../errors.js';
import type { RequestEntry, ResolvedOptions } from '../options.js';
import { checkPath, splitTarget } from '../routes.js';
import type { CollectOptions, CollectReport } from '../storage/collect.js';
import type { Store } from '../storage/store.js';
import { adminOperation, answerAdmin, jsonAnswer } from './admin.js';
import { refuseForeignPage } from './foreign.js';
import { readiness } from './health.js';
import { Metrics } from './metrics.js';
import { ADMIN_PREFIX } from './prefix.js';
import { requireCollection } from './writable.js';

/** A request for one of the registry's own endpoints. */
export interface OperationsRequest {
  readonly request: Request;
  readonly note: RequestNote;
  /** Lets pass who may administer. @throws OciError for everybody else */
  readonly requireAdmin: () => Promise<unknown>;
  /** It came over the control socket. */
  readonly local: boolean;
}

/** What a registry tells of itself, and has done to itself, beside the distribution API. */
export class Operations {
  readonly #store: Store;
  readonly #options: ResolvedOptions;
  readonly #metrics: Metrics | undefined;
  #draining = false;

  private constructor(store: Store, options: ResolvedOptions, metrics: Metrics | undefined) {
    this.#store = store;
    this.#options = options;
    this.#metrics = metrics;
  }

  /** Metrics are loaded only when they are wanted. */
  static async open(store: Store, options: ResolvedOptions): Promise<Operations> {
    return new Operations(store, options, options.metrics.enabled ? await Metrics.open(store) : undefined);
  }

  /** Paths that it answers, as the router spells them. */
  static readonly paths = ['/livez', '/readyz', '/metrics', `${ADMIN_PREFIX}*`] as const;

  /** Counts a request of any kind. */
  observe(entry: RequestEntry): void {
    this.#metrics?.observe(entry);
  }

  /** From now on the registry says that it is not ready. */
  drain(): void {
    this.#draining = true;
  }

  /**
   * Collects, and counts it. Untagged manifests go when the options of the registry say so, and where deletes are allowed.
   * @throws OciError `DENIED` in a read-only registry, `UNSUPPORTED` for untagged manifests where deletes are switched off
   */
  async collect(given: CollectOptions & { readonly force?: boolean } = {}): Promise<CollectReport> {
    const { collection, deletes } = this.#options;
    const options = { untagged: collection.untagged && deletes, ...given };
    requireCollection(this.#options, options);
    try {
      const report = await this.#store.collect(options);
      this.#metrics?.collected(report);
      return report;
    } catch (error) {
      this.#metrics?.collected(undefined);
      throw error;
    }
  }

  /** Answers one of the paths. */
  async answer(incoming: OperationsRequest): Promise<Response> {
    const { request, note } = incoming;
    const target = splitTarget(request.url);
    const path = checkPath(target.path);
    if (!path.startsWith(ADMIN_PREFIX)) return await this.#answerOpen(path.slice(1), incoming);
    note.operation = adminOperation(path);
    if (!incoming.local) refuseForeignPage(request, this.#options);
    await incoming.requireAdmin();
    const { readOnly, deletes, onError } = this.#options;
    const facts = { id: 'job', method: request.method, path };
    return await answerAdmin(
      {
        store: this.#store,
        readOnly,
        deletes,
        collect: (options) => this.collect(options),
        onFailure: (error) => onError(error, facts),
      },
      { method: request.method, path, query: new URLSearchParams(target.query), local: incoming.local },
    );
  }

  /** Answers a request of somebody who may do everything: over the control socket. */
  async answerLocal(request: Request): Promise<Response> {
    const started = performance.now();
    const id = randomBytes(8).toString('hex');
    const note: RequestNote = { operation: 'other', received: 0 };
    const { path } = splitTarget(request.url);
    const { method } = request;
    const response = await this.answer({
      request,
      note,
      requireAdmin: () => Promise.resolve(),
      local: true,
    }).catch((error: unknown) => {
      if (!isOciError(error)) this.#options.onError(error, { id, method, path });
      return errorResponse(error);
    });
    const duration = performance.now() - started;
    const { status } = response;
    const { operation, received } = note;
    try {
      this.#options.onRequest?.({
        id,
        method,
        path,
        operation,
        client: 'control',
        status,
        received,
        duration,
      });
    } catch (error) {
      this.#options.onError(error, { id, method, path });
    }
    return response;
  }

  /** The endpoints that are for machines, and open to all but perhaps the metrics. */
  async #answerOpen(name: string, { request, note, requireAdmin }: OperationsRequest): Promise<Response> {
    note.operation = name;
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      return errorResponse(new OciError('UNSUPPORTED', `method ${method} is not allowed here`), {
        allow: 'GET, HEAD',
      });
    }
    if (name === 'livez') return jsonAnswer({ status: 'ok' }, method);
    if (name === 'readyz') {
      const { readOnly } = this.#options;
      const { ready, checks } = await readiness({ store: this.#store, readOnly, draining: this.#draining });
      return jsonAnswer({ status: ready ? 'ok' : 'failing', checks }, method, ready ? 200 : 503);
    }
    if (this.#metrics === undefined) throw new OciError('NAME_UNKNOWN', 'metrics are switched off');
    if (!this.#options.metrics.public) await requireAdmin();
    const { contentType, text } = await this.#metrics.answer();
    return new Response(method === 'HEAD' ? null : text, {
      headers: { 'content-type': contentType, 'content-length': String(Buffer.byteLength(text)) },
    });
  }
}
