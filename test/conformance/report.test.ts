import { describe, expect, it } from 'vitest';
import {
  countResults,
  formatResult,
  formatSummary,
  toJUnit,
  toJson,
  wantsColor,
} from '../../conformance/report.js';
import type { ConformanceReport, TestResult } from '../../conformance/run.js';

const common = { section: 'Pulling blobs (end-2)', level: 'must', milliseconds: 1234 } as const;
const results: readonly TestResult[] = [
  { ...common, id: 'blob.one', title: 'first', outcome: 'pass' },
  {
    ...common,
    id: 'blob.two',
    title: 'a < b & "c"',
    outcome: 'fail',
    reason: 'expected <200>\n> GET /v2/\n< 404\u0000\u001B]]>',
  },
  { ...common, id: 'delete.tag', title: 'third', outcome: 'skip', reason: 'not supported\nmore' },
];
const report: ConformanceReport = { origin: 'http://r.test', profile: 'strict', seed: 'abc', results };

describe('the table', () => {
  it('has a mark, the id, and the section or why it was skipped', () => {
    const lines = results.map((result) => formatResult(result, { color: false }));
    expect(lines[0]).toMatch(/^✓ blob\.one +1234 ms {2}Pulling blobs \(end-2\)$/);
    expect(lines[1]).toMatch(/^✗ blob\.two/);
    expect(lines[2]).toMatch(/^- delete\.tag +1234 ms {2}not supported$/);
  });

  it('has colours only where they are wanted', () => {
    const [first] = results;
    expect(first && formatResult(first, { color: true })).toContain('\u001B[32m✓\u001B[39m');
    expect(formatSummary(report, { color: false })).not.toContain('\u001B[1m');
    expect(wantsColor(true, {})).toBe(true);
    expect(wantsColor(false, {})).toBe(false);
    expect(wantsColor(true, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColor(true, { NO_COLOR: '' })).toBe(true);
    expect(wantsColor(true, { TERM: 'dumb' })).toBe(false);
  });

  it('ends with every failure in full, the counts and the seed', () => {
    const text = formatSummary(report, { color: false });
    expect(text).toContain('✗ blob.two: a < b & "c"');
    expect(text).toContain('  > GET /v2/');
    expect(text).toContain('1 passed, 1 failed, 1 skipped');
    expect(text).toContain('seed abc');
    expect(text).not.toContain('delete.tag');
  });
});

describe('JSON', () => {
  it('is the report with the counts', () => {
    expect(JSON.parse(toJson(report))).toEqual({ ...report, counts: { pass: 1, fail: 1, skip: 1 } });
    expect(countResults([])).toEqual({ pass: 0, fail: 0, skip: 0 });
  });
});

describe('JUnit XML', () => {
  const xml = toJUnit(report);

  it('has a suite for each group, with its counts', () => {
    expect(xml).toMatch(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites /);
    expect(xml).toContain(
      '<testsuite name="blob" tests="2" failures="1" skipped="0" errors="0" time="2.468">',
    );
    expect(xml).toContain(
      '<testsuite name="delete" tests="1" failures="0" skipped="1" errors="0" time="1.234">',
    );
    expect(xml.match(/<testcase /g)).toHaveLength(3);
    expect(xml).toContain('<skipped message="not supported"/>');
  });

  it('escapes what XML does not take', () => {
    expect(xml).toContain('name="blob.two: a &lt; b &amp; &quot;c&quot;"');
    expect(xml).toContain('message="expected &lt;200&gt;" type="must"');
    expect(xml).toContain('&lt; 404��]]&gt;');
    // oxlint-disable-next-line no-control-regex
    expect(xml).not.toMatch(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/);
  });

  it('has balanced elements', () => {
    const stack: string[] = [];
    for (const [, close, name = '', self] of xml.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
      if (close === '/') expect(stack.pop()).toBe(name);
      else if (self !== '/') stack.push(name);
    }
    expect(stack).toEqual([]);
  });
});
