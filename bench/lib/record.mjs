import { readFile, writeFile } from 'node:fs/promises';
import { cells } from './report.mjs';

const FILE = new URL('../RESULTS.md', import.meta.url);
const INTRODUCTION = `# Results

Written by \`npm run bench -- SUITE --record\`. Contenders take turns within one run on one machine; a ratio compares
samples of the same round, and above 1 is better for Ocilot. Figures are medians with the lowest and the highest in
brackets. Absolute figures say something about that machine only.
`;

/** @param {readonly string[]} line */
const markdownRow = (line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

/**
 * Rewrites the section of a suite and leaves the others alone.
 * @param {string} suite
 * @param {import('./types.js').Report} report
 * @param {readonly string[]} args
 */
export async function recordReport(suite, report, args) {
  const [head = [], ...body] = cells(report);
  const facts = Object.entries(report.facts).map(([name, value]) => `${name} ${value}`);
  // Where somebody keeps data is nobody else's business.
  const shownArgs = args
    .filter((arg, index) => arg !== '--record' && !arg.startsWith('--data') && args[index - 1] !== '--data')
    .join(' ');
  const section = [
    `## ${suite}`,
    '',
    `\`npm run bench -- ${shownArgs}\`; ${facts.join('; ')}.`,
    '',
    markdownRow(head),
    markdownRow(head.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...body.map((line) =>
      markdownRow([...line, ...Array.from({ length: head.length - line.length }, () => '')]),
    ),
    ...report.notes.flatMap((note) => ['', note]),
    '',
  ].join('\n');
  const text = await readFile(FILE, 'utf8').catch(() => INTRODUCTION);
  const sections = text.split(/\n(?=## )/);
  const at = sections.findIndex((part) => part.startsWith(`## ${suite}\n`));
  if (at < 0) sections.push(section);
  else sections[at] = section;
  await writeFile(FILE, `${sections.map((part) => part.trimEnd()).join('\n\n')}\n`);
}
