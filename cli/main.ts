#!/usr/bin/env node
import { basename } from 'node:path';
import { isCalledImgpkg, lineAsCalled } from './compat.js';
import { VERSION } from './version.js';

const name = basename(process.argv[1] ?? '');
if (name === 'imgpkg' || name === 'crane') process.env['OCILOT_COMPAT'] ||= name;
const args = lineAsCalled(process.argv.slice(2), process.argv[1], process.env);
const isImgpkg = isCalledImgpkg(process.env);
const words = ['version', '--version', '-V', '-v'];
const versionOnly = args.length === 1 && words.includes(args[0] ?? '');

// The version is asked for in every script that looks whether the program is there: it loads nothing else.
if (versionOnly) process.stdout.write(`${isImgpkg ? 'imgpkg' : 'ocilot'} version ${VERSION}\n`);
else {
  const { main } = await import('./program.js');
  process.exitCode = await main(args);
}
