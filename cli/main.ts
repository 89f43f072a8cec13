#!/usr/bin/env node
import { lineAsCalled } from './compat.js';
import { VERSION } from './version.js';

const args = lineAsCalled(process.argv.slice(2), process.argv[1], process.env);
const versionOnly = args.length === 1 && ['version', '--version', '-V'].includes(args[0] ?? '');

// The version is asked for in every script that looks whether the program is there: it loads nothing else.
if (versionOnly) process.stdout.write(`ocilot version ${VERSION}\n`);
else {
  const { main } = await import('./program.js');
  process.exitCode = await main(args);
}
