import { performance } from 'node:perf_hooks';
import { Content, newSeed } from './content.js';
import { Http } from './http.js';
import { Skip } from './outcome.js';
import type { Profile, TestCase, TestContext } from './test-case.js';
import { ALL_TESTS } from './tests/index.js';
import type { Wire } from './wire.js';

export interface ConformanceOptions {
  /** `stable` when left out. */
  readonly profile?: Profile;
  /** The registry takes manifests whose content is not there. Off when left out. */
  readonly sparse?: boolean;
  /** Only tests whose id fits: `*` stands for anything, a comma separates patterns. */
  readonly only?: string;
  /** Prefix of all repositories; `conformance` when left out. */
  readonly repository?: string;
  /** Makes the content of a run; random when left out. */
  readonly seed?: string;
  /** Longest wait for one answer, in milliseconds. A minute when left out. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Called after each test. */
  readonly onResult?: (result: TestResult) => void;
}

export interface TestResult {
  readonly id: string;
  readonly title: string;
  readonly section: string;
  readonly level: TestCase['level'];
  readonly outcome: 'pass' | 'fail' | 'skip';
  /** Why it failed or was skipped. */
  readonly reason?: string;
  readonly milliseconds: number;
}

/** All results of a run, in the order the tests ran. */
export interface ConformanceReport {
  readonly origin: string;
  readonly profile: Profile;
  readonly seed: string;
  readonly results: readonly TestResult[];
}

const RANK: Readonly<Record<Profile, number>> = { stable: 0, dev: 1, strict: 2 };

/** What decides which tests run. */
export interface Selection {
  readonly profile?: Profile;
  readonly sparse?: boolean;
  readonly only?: string;
  readonly credentials?: boolean;
  readonly isSocket?: boolean;
}

/** The tests of a run, in order. */
export function selectTests(selection: Selection): readonly TestCase[] {
  const rank = RANK[selection.profile ?? 'stable'];
  const fits = matcher(selection.only);
  return ALL_TESTS.filter(
    (test) =>
      RANK[test.profile ?? 'stable'] <= rank &&
      (test.sparse === undefined || test.sparse === (selection.sparse ?? false)) &&
      (test.credentials !== true || selection.credentials === true) &&
      (test.isSocket !== true || selection.isSocket === true) &&
      fits(test.id),
  );
}

/**
 * Runs the tests of a profile against a registry, one after the other, each in a repository of its own.
 * @throws the reason of `signal` when it is aborted
 */
export async function runConformance(request: {
  readonly wire: Wire;
  readonly options?: ConformanceOptions;
}): Promise<ConformanceReport> {
  const { wire, options = {} } = request;
  const { profile = 'stable', seed = newSeed(), timeout = 60_000, repository = 'conformance' } = options;
  const signal = options.signal ?? new AbortController().signal;
  const http = new Http(wire, signal, timeout);
  const access = wire.anonymous === undefined ? {} : { anonymous: new Http(wire.anonymous, signal, timeout) };
  const tests = selectTests({
    ...options,
    credentials: wire.anonymous !== undefined,
    isSocket: wire.isSocket,
  });
  const results: TestResult[] = [];
  for (const test of tests) {
    signal.throwIfAborted();
    const name = test.id.replaceAll('.', '-');
    const result = await runTest(test, {
      http,
      ...access,
      content: new Content(`${seed}\0${test.id}`),
      repository: `${repository}/${seed}/${name}`,
    });
    signal.throwIfAborted();
    results.push(result);
    options.onResult?.(result);
  }
  return { origin: wire.origin, profile, seed, results };
}

async function runTest(test: TestCase, context: TestContext): Promise<TestResult> {
  const { id, title, section, level } = test;
  const start = performance.now();
  const end = (outcome: TestResult['outcome'], reason?: string): TestResult => ({
    id,
    title,
    section,
    level,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    milliseconds: Math.round(performance.now() - start),
  });
  try {
    await test.run(context);
    return end('pass');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return end(error instanceof Skip ? 'skip' : 'fail', reason);
  }
}

function matcher(patterns: string | undefined): (id: string) => boolean {
  if (patterns === undefined) return () => true;
  const expressions = patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .filter(Boolean)
    .map((pattern) => new RegExp(`^${pattern.split('*').map(escapePattern).join('.*')}$`));
  return (id) => expressions.some((expression) => expression.test(id));
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
}
