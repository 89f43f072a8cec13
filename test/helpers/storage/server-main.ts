import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createRegistry, listen } from '../../../registry/index.js';
import type { ServerOptions, ServerReport } from './server-process.js';

/** The program of `startServer`: serves a folder, collects all the time, and tells how that goes. */
const options = JSON.parse(process.argv[2] ?? '{}') as ServerOptions;
const { kind, folder, lease, inlineLimit, collectEvery } = options;
const errors: string[] = [];
const onError = (error: unknown): void => {
  if (errors.length < 20)
    errors.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
};
const registry = await createRegistry({
  storage: { kind, folder },
  lease,
  inlineLimit,
  minFree: 0,
  collection: { every: 0 },
  onError,
});
const server = await listen(registry, { port: 0 });
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
let collections = 0;
let collected = 0;

async function collect(): Promise<void> {
  try {
    const { blobs, manifests } = await registry.collect({ untagged: true });
    collections++;
    collected += blobs + manifests;
  } catch (error) {
    onError(error);
  }
  setTimeout(() => void collect(), collectEvery);
}

const milliseconds = (nanoseconds: number): number => Math.round(nanoseconds / 10_000) / 100;

process.on('message', () => {
  const report: ServerReport = {
    collections,
    collected,
    delay: {
      mean: milliseconds(delay.mean),
      p99: milliseconds(delay.percentile(99)),
      max: milliseconds(delay.max),
    },
    errors,
  };
  process.send?.(JSON.stringify(report));
});
// The parent is gone: so is the reason to be.
process.on('disconnect', () => process.exit(1));
process.send?.(server.url);
void collect();
