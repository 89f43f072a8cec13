import type { ConformanceReport, TestResult } from './run.js';

/** How many tests ended how. */
export interface Counts {
  readonly pass: number;
  readonly fail: number;
  readonly skip: number;
}

export function countResults(results: readonly TestResult[]): Counts {
  const counts = { pass: 0, fail: 0, skip: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return counts;
}

/** Whether a terminal wants colours (https://no-color.org). */
export function wantsColor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

const MARKS = { pass: '✓', fail: '✗', skip: '-' } as const;
const COLORS = { pass: 32, fail: 31, skip: 33 } as const;

/** One line of the table: mark, id, section; a skip tells why. */
export function formatResult(result: TestResult, options: { readonly color: boolean }): string {
  const mark = MARKS[result.outcome];
  const painted = options.color ? `\u001B[${COLORS[result.outcome]}m${mark}\u001B[39m` : mark;
  const note = result.outcome === 'skip' ? firstLine(result.reason ?? '') : result.section;
  return `${painted} ${result.id.padEnd(46)} ${String(result.milliseconds).padStart(6)} ms  ${note}`;
}

/** What follows the table: every failure with its exchange, then the counts. */
export function formatSummary(report: ConformanceReport, options: { readonly color: boolean }): string {
  const { results, origin, profile, seed } = report;
  const failures = results.filter((result) => result.outcome === 'fail');
  const bold = (text: string): string => (options.color ? `\u001B[1m${text}\u001B[22m` : text);
  const details = failures.flatMap((result) => [
    '',
    bold(`${MARKS.fail} ${result.id}: ${result.title}`),
    `  ${result.section}, ${result.level.toUpperCase()}`,
    ...(result.reason ?? '').split('\n').map((line) => `  ${line}`),
  ]);
  const { pass, fail, skip } = countResults(results);
  return [
    ...details,
    '',
    bold(`${pass} passed, ${fail} failed, ${skip} skipped`),
    `${origin}, profile ${profile}, seed ${seed}`,
    '',
  ].join('\n');
}

/** The report as JSON, with the counts. */
export function toJson(report: ConformanceReport): string {
  return `${JSON.stringify({ ...report, counts: countResults(report.results) }, null, 2)}\n`;
}

/** The report as JUnit XML: a suite for each first word of the ids. */
export function toJUnit(report: ConformanceReport): string {
  const groups = new Map<string, TestResult[]>();
  for (const result of report.results) {
    const group = result.id.slice(0, result.id.indexOf('.'));
    groups.set(group, [...(groups.get(group) ?? []), result]);
  }
  const suites = [...groups].map(([group, results]) =>
    element('testsuite', { name: group, ...attributes(results) }, results.map(toCase)),
  );
  const name = `OCI distribution conformance, ${report.profile}`;
  const root = element('testsuites', { name, ...attributes(report.results) }, suites);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`;
}

function attributes(results: readonly TestResult[]): Readonly<Record<string, string>> {
  const { fail, skip } = countResults(results);
  const total = results.reduce((sum, result) => sum + result.milliseconds, 0);
  return {
    tests: String(results.length),
    failures: String(fail),
    skipped: String(skip),
    errors: '0',
    time: seconds(total),
  };
}

function toCase(result: TestResult): string {
  const reason = result.reason ?? '';
  const message = firstLine(reason);
  const children =
    result.outcome === 'fail'
      ? [element('failure', { message, type: result.level }, [escapeXml(reason)])]
      : result.outcome === 'skip'
        ? [element('skipped', { message }, [])]
        : [];
  const names = { classname: result.section, name: `${result.id}: ${result.title}` };
  return element('testcase', { ...names, time: seconds(result.milliseconds) }, children);
}

function element(
  name: string,
  values: Readonly<Record<string, string>>,
  children: readonly string[],
): string {
  const pairs = Object.entries(values).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  const open = `<${name}${pairs.join('')}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join('\n')}</${name}>`;
}

/** Control characters other than white space are not allowed in XML 1.0, not even escaped. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '�')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}
