import { Option, type Command } from 'commander';
import { annotate, editConfig, type AnnotationPatch, type ConfigPatch } from '../../image/mutate/index.js';
import { timeText } from '../../image/time.js';
import type { ImageView } from '../../image/views/index.js';
import { parsePlatform, type CallOptions, type Platform } from '../../oci/index.js';
import { checked } from '../client-options.js';
import { UsageError } from '../exit.js';
import { assigned, listed, mapped, repeated } from './options.js';

/** What the options of every command that edits images leave behind. */
export interface EditFlags {
  readonly annotation?: Readonly<Record<string, string>>;
  readonly label?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly exposedPorts?: readonly string[];
  readonly volume?: readonly string[];
  readonly stopSignal?: string;
  readonly author?: string;
  readonly created?: string;
  readonly setPlatform?: Platform;
  readonly removeAnnotation?: readonly string[];
  readonly removeLabel?: readonly string[];
  readonly removeEnv?: readonly string[];
  readonly clearEntrypoint?: boolean;
  readonly clearCmd?: boolean;
  readonly clearUser?: boolean;
  readonly clearWorkdir?: boolean;
  readonly clearExposedPorts?: boolean;
  readonly clearVolumes?: boolean;
}

/** The options that say how an image is to be: crane's of `mutate`, and ours. */
export function withEditOptions(command: Command): Command {
  const set = (flags: string, meaning: string, parse: (text: string, before: never) => unknown): void =>
    void command.addOption(new Option(flags, meaning).argParser(parse as (text: string) => unknown));
  set('-a, --annotation <k=v>', 'set annotations of the manifest (repeatable, or with commas)', mapped);
  set('-l, --label <k=v>', 'set labels (repeatable, or with commas)', mapped);
  set('-e, --env <k=v>', 'set an environment variable (repeatable)', assigned);
  set('--entrypoint <words>', 'set the entrypoint, with commas; takes away cmd unless that is set', listed);
  set('--cmd <words>', 'set the command, with commas', listed);
  command
    .option('-u, --user <user>', 'set the user')
    .option('-w, --workdir <path>', 'set the working folder');
  set('--exposed-ports <ports>', 'replace the ports, as 80/tcp,53/udp', listed);
  set('--volume <paths>', 'replace the volumes (repeatable, or with commas)', listed);
  command.option('--stop-signal <signal>', 'set the signal that ends it');
  command.option('--author <name>', 'set who made it');
  set('--created <time>', 'set when it was made: RFC 3339, or seconds since 1970', checked(parseTime));
  set(
    '--set-platform <os/arch[/variant][:version]>',
    'set what it runs on',
    checked((text) => parsePlatform(text)),
  );
  set('--remove-annotation <key>', 'take an annotation away (repeatable)', repeated);
  set('--remove-label <key>', 'take a label away (repeatable)', repeated);
  set('--remove-env <name>', 'take an environment variable away (repeatable)', repeated);
  for (const what of ['entrypoint', 'cmd', 'user', 'workdir', 'exposed-ports', 'volumes'])
    command.option(`--clear-${what}`, `take ${what} away`);
  return command;
}

/**
 * A time, as configs have it, of RFC 3339 or seconds since 1970.
 * @throws OciError `INVALID_OPTION`
 */
function parseTime(text: string): string {
  return timeText(/^\d{1,11}$/.test(text) ? new Date(Number(text) * 1000) : text);
}

/** What is to be changed. */
export interface Edits {
  readonly config: ConfigPatch;
  readonly annotations: AnnotationPatch;
}

/**
 * What the options ask for; empty values ask for nothing, as in crane.
 * @throws UsageError for options that contradict each other
 */
export function editsOf(flags: EditFlags): Edits {
  const entrypoint = choice(filled(flags.entrypoint), flags.clearEntrypoint, 'entrypoint');
  const cmd = choice(filled(flags.cmd), flags.clearCmd, 'cmd');
  const config: { [K in keyof ConfigPatch]: ConfigPatch[K] | undefined } = {
    labels: changes(flags.label, flags.removeLabel),
    env: changes(flags.env, flags.removeEnv),
    entrypoint,
    // A command that is left would be arguments to another program.
    cmd: cmd === undefined && Array.isArray(entrypoint) ? null : cmd,
    user: choice(flags.user || undefined, flags.clearUser, 'user'),
    workingDir: choice(flags.workdir || undefined, flags.clearWorkdir, 'workdir'),
    exposedPorts: choice(filled(flags.exposedPorts), flags.clearExposedPorts, 'exposed-ports'),
    volumes: choice(filled(flags.volume), flags.clearVolumes, 'volumes'),
    stopSignal: flags.stopSignal || undefined,
    author: flags.author || undefined,
    created: flags.created,
    platform: flags.setPlatform,
  };
  return {
    config: Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)),
    annotations: changes(flags.annotation, flags.removeAnnotation) ?? {},
  };
}

/** The image with the changes; the same image when there are none. */
export async function applyEdits(
  image: ImageView,
  { config, annotations }: Edits,
  options: CallOptions,
): Promise<ImageView> {
  const annotated =
    Object.keys(annotations).length === 0 ? image : await annotate(image, annotations, options);
  return Object.keys(config).length === 0 ? annotated : await editConfig(annotated, config, options);
}

const filled = (list: readonly string[] | undefined): readonly string[] | undefined =>
  list?.length === 0 ? undefined : list;

/** A value to set, null to take it away, or undefined to leave it. */
function choice<T>(value: T | undefined, clear: boolean | undefined, name: string): T | null | undefined {
  if (clear !== true) return value;
  if (value !== undefined) throw new UsageError(`--clear-${name} and a new ${name} contradict each other`);
  return null;
}

function changes(
  set: Readonly<Record<string, string>> = {},
  remove: readonly string[] = [],
): Readonly<Record<string, string | null>> | undefined {
  const both = remove.find((key) => Object.hasOwn(set, key));
  if (both !== undefined) throw new UsageError(`${both} is both set and removed`);
  const all = { ...set, ...Object.fromEntries(remove.map((key) => [key, null])) };
  return Object.keys(all).length === 0 ? undefined : all;
}
