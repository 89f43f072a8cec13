import { InvalidArgumentError, Option, type Command } from 'commander';
import { OciError, parsePlatform, quote, type Platform } from '../../oci/index.js';
import { withClientOptions, type ClientFlags } from '../client-options.js';

/** What the options of every `image` command leave behind. */
export interface ImageFlags extends ClientFlags {
  /** Empty and left out mean the same: all. */
  readonly platform?: readonly Platform[];
  readonly allowNondistributableArtifacts?: boolean;
}

/** crane's global flags, and all that says how registries are reached. */
export function withImageOptions(command: Command): Command {
  return withClientOptions(
    command
      .addOption(platformOption())
      .option('--allow-nondistributable-artifacts', 'push layers that may not be distributed, too'),
  );
}

/** `--platform`, repeatable; `all` undoes it. */
export function platformOption(): Option {
  return new Option(
    '--platform <os/arch[/variant][:version]>',
    'of an index, only what is for this (repeatable; default: all)',
  ).argParser((text: string, before: readonly Platform[] | undefined) => {
    if (text === 'all') return [];
    try {
      return [...(before ?? []), parsePlatform(text)];
    } catch (error) {
      if (error instanceof OciError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  });
}

/** Values of an option that may be repeated; each may hold several with commas between them, quoted as in CSV, or none. */
export function listed(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...(text === '' ? [] : splitCsv(text))];
}

/** Values of an option that may be repeated, as they are. */
export function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** `k=v` pairs of an option that may be repeated, several with commas between them. */
export function mapped(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  // An empty value would be taken for "remove it" by one tool and for a value by another.
  const empty = Object.entries(pairs(text, {})).find(([, value]) => value === '');
  if (empty !== undefined) throw new InvalidArgumentError(`${quote(empty[0])} has no value.`);
  return pairs(text, before);
}

/** The same, where a value may be empty. */
export function pairs(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  return { ...before, ...Object.fromEntries(splitCsv(text).map(pairOf)) };
}

/** `K=V`, one for each time the option is given; the value may have commas in it, or be empty. */
export function assigned(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const [key, value] = pairOf(text);
  return { ...before, [key]: value };
}

function pairOf(text: string): readonly [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected key=value.');
  return [text.slice(0, at), text.slice(at + 1)];
}

/** One line of CSV (RFC 4180): fields between commas, quoted ones with `""` for a quote. */
export function splitCsv(text: string): string[] {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^,"]*))(,|$)/y;
  for (let more = true; more;) {
    const match = field.exec(text);
    if (match === null)
      throw new InvalidArgumentError('Expected values with commas between them, as in CSV.');
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    more = match[3] === ',';
  }
  return fields;
}
