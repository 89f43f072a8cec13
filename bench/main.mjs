// Runs a suite of benchmarks: `npm run bench -- registry [--only pattern] [--runs N] [--quick] [--json] [--record]`.
import { parseOptions, USAGE } from './lib/options.mjs';
import { printReport } from './lib/report.mjs';
import { recordReport } from './lib/record.mjs';
import { stopAll } from './lib/processes.mjs';

/** @type {Record<string, { about: string, load: () => Promise<import('./lib/types.js').Suite> }>} */
const SUITES = {
  registry: {
    about: 'the registry against docker-registry: transfers, reads, start, memory, growth',
    load: async () => (await import('./registry/suite.mjs')).suite,
  },
  fixture: {
    about: 'the fixture for test suites: start, snapshots, memory, seeding, beside docker-registry',
    load: async () => (await import('./fixture/suite.mjs')).suite,
  },
  images: {
    about: 'the image commands against skopeo and crane: copies, append, latency, memory',
    load: async () => (await import('./images/suite.mjs')).suite,
  },
  bundles: {
    about: 'bundles against imgpkg, or the bare work: push, copy, archives, pull, memory',
    load: async () => (await import('./bundles/suite.mjs')).suite,
  },
};

/** @param {readonly string[]} args */
async function main(args) {
  const options = parseOptions(args);
  if (options.help || options.suite === undefined) {
    const lines = Object.entries(SUITES).map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`);
    console.log(`${USAGE}\n\nSuites:\n${lines.join('\n')}`);
    return options.help ? 0 : 2;
  }
  const entry = Object.hasOwn(SUITES, options.suite) ? SUITES[options.suite] : undefined;
  if (entry === undefined) {
    console.error(
      `bench: there is no suite "${options.suite}": choose one of ${Object.keys(SUITES).join(', ')}`,
    );
    return 2;
  }
  const suite = await entry.load();
  if (options.list) {
    for (const row of suite.rows(options)) console.log(`${row.id.padEnd(24)} ${row.label}`);
    return 0;
  }
  const report = await suite.run(options);
  if (options.json) console.log(JSON.stringify(report, undefined, 2));
  else printReport(report);
  if (options.record || options.results !== undefined) {
    await recordReport(options.suite, report, args, options.results);
  }
  return report.rows.some((row) => row.failed !== undefined) ? 1 : 0;
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => {
    void stopAll().finally(() => process.exit(130));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stopAll();
}
