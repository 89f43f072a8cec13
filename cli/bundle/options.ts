import { Option, type Command } from 'commander';
import { withImgpkgOptions, checked, truth, type ClientFlags } from '../client-options.js';
import { listed } from '../image/options.js';
import { withProgressOption, type ProgressFlags } from '../progress.js';
import { parseWhole } from '../values/whole.js';
import type { UiFlags } from './ui.js';

/** What the options of every verb of imgpkg's leave behind. */
export interface VerbFlags extends ClientFlags, UiFlags, ProgressFlags {}

/** What all of imgpkg's verbs take besides what is their own: how they talk, and how registries are reached. */
export function withVerbOptions(command: Command): Command {
  withUiOptions(withProgressOption(command.optionsGroup('Output:')));
  return withImgpkgOptions(command.optionsGroup('Registries:'));
}

/** How they talk. */
export function withUiOptions(command: Command): Command {
  return command
    .addOption(flag('--json', 'print one JSON document at the end'))
    .addOption(flag('--tty', 'print every line as to a terminal'))
    .addOption(flag('--color', 'taken, and without a meaning'))
    .addOption(new Option('--column <name>', 'taken, and without a meaning').argParser(listed))
    .addOption(flag('-y, --yes', 'taken: nothing is asked'));
}

/** A flag that may say `=false`. */
export function flag(name: string, meaning: string): Option {
  return new Option(`${name} [bool]`, meaning).argParser(truth);
}

/** A list: repeatable, with commas between values, quoted as in CSV. */
export function list(name: string, meaning: string): Option {
  return new Option(name, meaning).argParser(listed);
}

/** `--concurrency`. */
export function concurrencyOption(): Option {
  return new Option('--concurrency <n>', 'transfers at once')
    .argParser(checked((text) => parseWhole(text, 1, 1000)))
    .default(5);
}

/** `-b`, `-i` and the like, which name things. */
export const bundleOption = (meaning: string): Option => new Option('-b, --bundle <reference>', meaning);
export const imageOption = (meaning: string): Option => new Option('-i, --image <reference>', meaning);
export const tarOption = (meaning: string): Option => new Option('--tar <path>', meaning);
export const lockOption = (meaning: string): Option => new Option('--lock <path>', meaning);
export const lockOutputOption = (): Option =>
  new Option('--lock-output <path>', 'write a lock file of the result');
