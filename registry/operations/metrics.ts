import type * as Prometheus from 'prom-client';
import type { Counter, Gauge, Histogram, Registry as Series } from 'prom-client';
import type { RequestEntry } from '../options.js';
import type { CollectReport } from '../storage/collect.js';
import { keys } from '../storage/keys.js';
import type { Store } from '../storage/store.js';
import { countKeys } from './usage.js';

/** The package as an import on need gives it. */
type Client = (typeof Prometheus)['default'];

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']);

/** From a record in memory to a layer over a slow line, in seconds. */
const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300];

/** What Node tells of the process: watched once, whatever registries there are, since nothing ends that. */
let processSeries: Series | undefined;

function seriesOfProcess(client: Client): Series {
  if (processSeries === undefined) {
    processSeries = new client.Registry();
    client.collectDefaultMetrics({ register: processSeries });
  }
  return processSeries;
}

/** What a registry counts, in the format of Prometheus. Each registry counts for itself. */
export class Metrics {
  readonly #series: Series;
  readonly #requests: Counter<'operation' | 'method' | 'status'>;
  readonly #duration: Histogram<'operation'>;
  readonly #received: Counter;
  readonly #sent: Counter;
  readonly #collections: Counter<'result'>;
  readonly #collected: Counter<'kind'>;
  readonly #collectedBytes: Counter;
  readonly #lastCollection: Gauge;

  private constructor(store: Store, client: Client) {
    const series = new client.Registry();
    const registers = [series];
    this.#requests = new client.Counter({
      name: 'ocilot_requests_total',
      help: 'Requests answered',
      labelNames: ['operation', 'method', 'status'],
      registers,
    });
    this.#duration = new client.Histogram({
      name: 'ocilot_request_duration_seconds',
      help: 'Time until the head of the answer was ready',
      labelNames: ['operation'],
      buckets: BUCKETS,
      registers,
    });
    this.#received = counter('ocilot_received_bytes_total', 'Bytes of request bodies');
    this.#sent = counter('ocilot_sent_bytes_total', 'Bytes of answers, as declared');
    this.#collections = new client.Counter({
      name: 'ocilot_collections_total',
      help: 'Runs of the collector',
      labelNames: ['result'],
      registers,
    });
    this.#collected = new client.Counter({
      name: 'ocilot_collected_total',
      help: 'What the collector took',
      labelNames: ['kind'],
      registers,
    });
    this.#collectedBytes = counter('ocilot_collected_bytes_total', 'Bytes that the collector freed');
    this.#lastCollection = new client.Gauge({
      name: 'ocilot_last_collection_timestamp_seconds',
      help: 'When the collector last came to an end',
      registers,
    });
    registerStore(store, client, series);
    this.#series = client.Registry.merge([seriesOfProcess(client), series]);

    function counter(name: string, help: string): Counter {
      return new client.Counter({ name, help, registers });
    }
  }

  /** Starts to count. */
  static async open(store: Store): Promise<Metrics> {
    // It is CommonJS: bundled, all it has is its default.
    const { default: client } = await import('prom-client');
    return new Metrics(store, client);
  }

  /** Counts a request that was answered. */
  observe({ operation, method, status, duration, received, sent }: RequestEntry): void {
    this.#requests.inc({
      operation,
      method: METHODS.has(method) ? method : 'OTHER',
      status: `${Math.floor(status / 100)}xx`,
    });
    this.#duration.observe({ operation }, duration / 1000);
    this.#received.inc(received);
    // The length that HEAD is told of is not sent.
    if (sent !== undefined && method !== 'HEAD') this.#sent.inc(sent);
  }

  /** Counts a run of the collector; without a report it failed. */
  collected(report: CollectReport | undefined): void {
    this.#collections.inc({ result: report === undefined ? 'failed' : 'ok' });
    if (report === undefined) return;
    this.#lastCollection.setToCurrentTime();
    const { bytes, ...counts } = report;
    this.#collectedBytes.inc(bytes);
    for (const [kind, count] of Object.entries(counts)) this.#collected.inc({ kind }, count);
  }

  /** The answer to a scrape. */
  async answer(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#series.contentType, text: await this.#series.metrics() };
  }
}

/** What is asked of the store at each scrape: only what is cheap. */
function registerStore(store: Store, client: Client, series: Series): void {
  const { records, free, rules } = store.core;
  const registers = [series];
  const uploads = new client.Gauge({
    name: 'ocilot_open_uploads',
    help: 'Uploads that have begun and not ended',
    registers,
    async collect() {
      uploads.set(await countKeys(records, keys.sessions));
    },
  });
  const space = new client.Gauge({
    name: 'ocilot_free_bytes',
    help: 'Free space of the medium',
    registers,
    async collect() {
      space.set(await free());
    },
  });
  if (rules.quotas.length === 0) return;
  const used = new client.Gauge({
    name: 'ocilot_quota_used_bytes',
    help: 'Bytes that count against a quota',
    labelNames: ['prefix'],
    registers,
    async collect() {
      for (const { prefix } of rules.quotas) used.set({ prefix }, await store.quotas.used(prefix));
    },
  });
  const limit = new client.Gauge({
    name: 'ocilot_quota_limit_bytes',
    help: 'Most bytes that a quota allows',
    labelNames: ['prefix'],
    registers,
  });
  for (const { prefix, bytes } of rules.quotas) limit.set({ prefix }, bytes);
}
