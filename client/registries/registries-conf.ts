import { readFile, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OciError, isObject, quote } from '../../oci/index.js';
import type { Places } from '../credentials/docker-config-path.js';
import { parsePrefix, type Mirror, type RegistryRule } from './rules.js';

/** Where `registries.conf` is looked for. */
export interface RegistriesPlaces extends Places {
  /** The folder of the whole machine. Default `/etc/containers`. */
  readonly system?: string;
}

const NAME = 'registries.conf';

/**
 * Reads what podman, buildah and skopeo know of registries (containers-registries.conf(5), version 2): the file that
 * `CONTAINERS_REGISTRIES_CONF` names, or else this user's, or else the machine's; over it every `*.conf` of the machine's
 * and then this user's folder `registries.conf.d`, by name. A later entry takes the place of one with the same prefix.
 * Short names are not looked at.
 * @throws OciError `INVALID_OPTION` for a file that cannot be read or understood
 */
export async function readRegistries(places: RegistriesPlaces = {}): Promise<RegistryRule[]> {
  const { environment = process.env, home = homedir(), system = '/etc/containers' } = places;
  const { CONTAINERS_REGISTRIES_CONF: named, XDG_CONFIG_HOME } = environment;
  const user = join(XDG_CONFIG_HOME || join(home, '.config'), 'containers');
  const rules = new Map<string, RegistryRule>();
  const take = async (path: string, needed = false): Promise<boolean> => {
    const text = await readText(path, needed);
    if (text === undefined) return false;
    for (const rule of await parseRegistries(text, path)) rules.set(rule.prefix, rule);
    return true;
  };
  if (named) await take(named, true);
  else if (!(await take(join(user, NAME)))) await take(join(system, NAME));
  for (const folder of [system, user].map((path) => join(path, `${NAME}.d`)))
    for (const name of await listConf(folder)) await take(join(folder, name));
  return [...rules.values()];
}

/**
 * Reads the text of one such file.
 * @param what names it in messages
 * @throws OciError `INVALID_OPTION`
 */
export async function parseRegistries(text: string, what: string): Promise<RegistryRule[]> {
  const { parse } = await import('smol-toml');
  let document: Record<string, unknown>;
  try {
    document = parse(text);
  } catch (cause) {
    const [line = ''] = (cause as Error).message.split('\n');
    throw new OciError('INVALID_OPTION', `${what} is not TOML: ${line}`, { cause });
  }
  const { registry = [], registries } = document;
  if (registries !== undefined)
    throw new OciError('INVALID_OPTION', `${what} is of version 1: write it with [[registry]] tables`);
  return listOf(registry, `${what}: registry`).map(({ entry, at }) => parseRule(entry, at));
}

interface Entry {
  readonly entry: Readonly<Record<string, unknown>>;
  /** For messages. */
  readonly at: string;
}

function parseRule(entry: Entry['entry'], at: string): RegistryRule {
  const location = placeIn(entry, 'location', at);
  const prefix = placeIn(entry, 'prefix', at) ?? location;
  if (prefix === undefined) throw invalid(at, 'has neither prefix nor location');
  if (location?.startsWith('*') === true)
    throw invalid(`${at}.location`, 'is a pattern: only prefix may be one');
  const byDigest = truthIn(entry, 'mirror-by-digest-only', at);
  const mirrors = listOf(entry.mirror ?? [], `${at}.mirror`).map((one) => parseMirror(one, byDigest));
  return {
    prefix,
    ...(location === undefined || location === prefix ? {} : { location }),
    ...(truthIn(entry, 'insecure', at) ? { insecure: true } : {}),
    ...(truthIn(entry, 'blocked', at) ? { blocked: true } : {}),
    ...(mirrors.length === 0 ? {} : { mirrors }),
  };
}

function parseMirror({ entry, at }: Entry, byDigest: boolean): Mirror {
  const location = placeIn(entry, 'location', at);
  if (location === undefined || location.startsWith('*')) throw invalid(at, 'has no location');
  const pull = entry['pull-from-mirror'] ?? (byDigest ? 'digest-only' : 'all');
  if (pull !== 'all' && pull !== 'digest-only' && pull !== 'tag-only')
    throw invalid(`${at}.pull-from-mirror`, 'is not one of all, digest-only, tag-only');
  return {
    location,
    ...(truthIn(entry, 'insecure', at) ? { insecure: true } : {}),
    ...(pull === 'all' ? {} : { pull }),
  };
}

function listOf(value: unknown, at: string): Entry[] {
  if (!Array.isArray(value)) throw invalid(at, 'is not a list of tables');
  return value.map((entry: unknown, index) => {
    const where = `${at}[${index}]`;
    if (!isObject(entry)) throw invalid(where, 'is not a table');
    return { entry, at: where };
  });
}

function placeIn(entry: Entry['entry'], name: string, at: string): string | undefined {
  const value = entry[name] ?? '';
  if (value === '') return undefined;
  const place = typeof value === 'string' ? parsePrefix(value) : undefined;
  if (place !== undefined) return place;
  const shown = typeof value === 'string' ? quote(value) : typeof value;
  throw invalid(`${at}.${name}`, `is ${shown}: expected host[:port][/path], without https://`);
}

function truthIn(entry: Entry['entry'], name: string, at: string): boolean {
  const value = entry[name] ?? false;
  if (typeof value !== 'boolean') throw invalid(`${at}.${name}`, 'is not true or false');
  return value;
}

const invalid = (at: string, problem: string): OciError => new OciError('INVALID_OPTION', `${at} ${problem}`);

/** @param needed false: a file that is not there is no error */
async function readText(path: string, needed: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (!needed && isAbsent(cause)) return undefined;
    throw new OciError('INVALID_OPTION', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function listConf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.conf')).toSorted();
  } catch (cause) {
    if (isAbsent(cause)) return [];
    throw new OciError('INVALID_OPTION', `${folder} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
