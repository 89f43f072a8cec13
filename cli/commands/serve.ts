import { Command, Option } from 'commander';
import { OciError } from '../../oci/index.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { serveJsonSchema } from '../serve-config.js';
import type { RecordingOptions } from '../serve/ephemeral.js';
import { loadConfig } from '../serve/load-config.js';
import { printConfig } from '../serve/print-config.js';
import { runServer } from '../serve/run.js';
import { SETTINGS, type Setting } from '../serve/settings.js';

/** Flags that are no settings. */
interface Own {
  readonly config?: string;
  readonly printConfig?: boolean;
  readonly printSchema?: boolean;
  readonly printUrl?: boolean;
  readonly hints?: boolean;
  readonly from?: string;
  readonly ephemeral?: boolean;
  readonly seed?: readonly string[];
  readonly faults?: string;
  readonly exitWithParent?: boolean;
  readonly record?: string;
  readonly recording?: string;
  readonly replay?: string;
}

/** `ocilot serve`. */
export function serveCommand(context: Context): Command {
  const command = new Command('serve')
    .option('--config <file>', 'YAML file with settings; OCILOT_CONFIG names it too')
    .option('--print-config', 'print the settings as they take effect and where each comes from, and end')
    .option('--print-schema', 'print the JSON schema of the file, and end')
    .option('--print-url', 'print nothing but the URL')
    .option('--hints', 'print how to point docker, podman and containerd here, as on a terminal')
    .option('--from <archive>', 'serve what an archive or a layout folder holds, read-only and not unpacked')
    .option('--ephemeral', 'for tests: in memory, on any free port unless --port is given, gone at the end')
    .addOption(
      new Option(
        '--seed <[repository=]path>',
        'with --ephemeral: a layout or an archive to begin with; may be given more than once',
      ).argParser<readonly string[] | undefined>(append((value) => [value])),
    )
    .option('--faults <file>', 'with --ephemeral: YAML file with a list of fault rules')
    .option('--exit-with-parent', 'with --ephemeral: end when the process that started this one has ended')
    .option(
      '--record <registry>',
      'ephemeral: what is asked for is taken from this registry once, and kept in --recording',
    )
    .option('--recording <folder>', 'with --record: an OCI layout, made if there is none')
    .option('--replay <folder>', 'ephemeral: serve what was recorded there, and ask nobody');
  const keys = new Map<string, string>();
  for (const setting of SETTINGS) {
    const option = optionOf(setting);
    if (option === undefined) continue;
    command.addOption(option);
    keys.set(option.attributeName(), setting.key);
  }
  withExamples(command, [
    ['ocilot serve', 'on 127.0.0.1:5000, content in the data folder of the user'],
    ['ocilot serve --data ./registry --port 0', 'on any free port'],
    ['ocilot serve --blobs memory', 'keep nothing'],
    ['ocilot serve --from bundle.tar', 'an archive as a registry; one in parts by any of them'],
    ['ocilot serve --load bundle.tar', 'take an archive into the data folder first'],
    [
      'ocilot serve --ephemeral --print-url --seed ./layout --exit-with-parent',
      'in a test of another program',
    ],
    ['ocilot serve --record quay.io --recording ./quay', 'keep what is pulled from here'],
    ['ocilot serve --replay ./quay', 'serve it again, without quay.io'],
    ['ocilot serve --host 0.0.0.0 --access-mode bearer --tls-auto', 'for others, with users and HTTPS'],
    ['ocilot serve --config ocilot.yaml --print-config', 'see what would take effect'],
  ]);
  command.addHelpText(
    'after',
    '\nEach setting is also a variable, as OCILOT_LOG_LEVEL, and a key of the file, as log.level.',
  );
  return command.action(async (given: Own & Record<string, unknown>) => {
    await act(given, flagsIn(given, keys), context);
  });
}

async function act(own: Own, flags: ReadonlyMap<string, unknown>, context: Context): Promise<void> {
  if (own.printSchema === true) {
    context.out.write(`${JSON.stringify(serveJsonSchema(), null, 2)}\n`);
    return;
  }
  const recording = recordingOf(own);
  const ephemeral = own.ephemeral === true || recording !== undefined;
  const loaded = loadConfig({
    env: context.env,
    flags: ephemeral ? new Map([['port', 0], ...flags, ['blobs', 'memory']]) : flags,
    ...(own.config === undefined ? {} : { file: own.config }),
  });
  if (own.printConfig === true) {
    context.out.write(printConfig(loaded));
    return;
  }
  const urlOnly = own.printUrl === true;
  const { seed = [], faults, exitWithParent = false } = own;
  if (own.from !== undefined && (own.ephemeral === true || loaded.config.load.length > 0))
    throw new OciError(
      'INVALID_OPTION',
      '--from serves an archive as it is: leave out --load and --ephemeral',
    );
  if (recording !== undefined && loaded.config.load.length > 0)
    throw new OciError(
      'INVALID_OPTION',
      '--load cannot be given with --record or --replay: the recording says what is there',
    );
  if (ephemeral) {
    const { runEphemeral } = await import('../serve/ephemeral.js');
    await runEphemeral(loaded.config, { seed, faults, recording, exitWithParent, urlOnly }, context);
    return;
  }
  if (seed.length > 0 || faults !== undefined || exitWithParent)
    throw new OciError(
      'INVALID_OPTION',
      '--seed, --faults and --exit-with-parent are for --ephemeral: add it',
    );
  const hints = own.hints ?? context.out.isTerminal;
  const { hurried } = await runServer(loaded.config, { urlOnly, hints, from: own.from }, context);
  // Connections are open still, and nobody wants to wait for them.
  if (hurried) process.exit(context.exitCode);
}

/** What is recorded or replayed, if anything. Throws OciError `INVALID_OPTION` for flags that contradict each other. */
function recordingOf({ record, recording, replay, seed = [] }: Own): RecordingOptions | undefined {
  const failed = (why: string): OciError => new OciError('INVALID_OPTION', why);
  if ((record === undefined) !== (recording === undefined))
    throw failed('--record and --recording need each other: what is recorded, and the folder that keeps it');
  if (record !== undefined && replay !== undefined)
    throw failed('--record and --replay are both given: --record serves what it has already, too');
  const folder = recording ?? replay;
  if (folder === undefined) return undefined;
  if (seed.length > 0)
    throw failed('--seed cannot be given with --record or --replay: the recording says what is there');
  return { folder, ...(record === undefined ? {} : { upstream: record }) };
}

/** What stands for the value of a setting in the help. */
const PLACEHOLDERS: Readonly<Record<Setting['kind'], string>> = {
  text: ' <text>',
  path: ' <path>',
  paths: ' <path>',
  number: ' <n>',
  size: ' <size>',
  duration: ' <time>',
  boolean: ' [true|false]',
  choice: ' <word>',
  list: ' <names>',
  structure: '',
};

function optionOf({ flag, kind, meaning, fallback, choices }: Setting): Option | undefined {
  if (flag === undefined) return undefined;
  const described =
    fallback === undefined || Array.isArray(fallback)
      ? meaning
      : `${meaning} (default ${JSON.stringify(fallback).replaceAll('"', '')})`;
  const option = new Option(`${flag}${PLACEHOLDERS[kind]}`, described);
  // For help and completion; the schema checks them.
  if (choices !== undefined) option.choices(choices).argParser((value: string) => value);
  if (kind === 'list') option.argParser<readonly string[] | undefined>(append((value) => value.split(',')));
  if (kind === 'paths') option.argParser<readonly string[] | undefined>(append((value) => [value]));
  return option;
}

/** A flag that may be given more than once. */
const append =
  (split: (value: string) => readonly string[]) =>
  (value: string, before: readonly string[] | undefined): readonly string[] => [
    ...(before ?? []),
    ...split(value),
  ];

/** The flags that were given, by the key of their setting. */
function flagsIn(
  given: Readonly<Record<string, unknown>>,
  keys: ReadonlyMap<string, string>,
): Map<string, unknown> {
  return new Map(
    [...keys].flatMap(([name, key]) => (given[name] === undefined ? [] : [[key, given[name]] as const])),
  );
}
