import { rm, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import type { ImagesLock, Places, ResolveOptions } from '../../bundle/index.js';
import { OciError, printable, quote } from '../../oci/index.js';
import { freshName, replaceFile } from '../../image/layout/files.js';
import { withClient, type Session } from '../client-session.js';
import { withImgpkgOptions, type ClientFlags } from '../client-options.js';
import type { Context } from '../context.js';
import { UsageError, systemCode } from '../exit.js';
import { withExamples } from '../help.js';
import { repeated } from '../image/options.js';
import { whyUnreadable } from '../values/unreadable.js';

interface LockFlags extends ClientFlags {
  readonly allowConflicts?: boolean;
}

interface ResolveFlags extends LockFlags {
  readonly file?: readonly string[];
  readonly output?: string;
}

interface UpdateFlags extends LockFlags {
  readonly dryRun?: boolean;
  readonly output: 'json' | 'text';
}

/** Where images are named. */
interface Named {
  readonly files: readonly string[];
  /** References on the command line. */
  readonly images?: readonly string[];
}

/** `ocilot lock`: lists of images with digests. */
export function lockCommand(context: Context): Command {
  const command = new Command('lock').description('pin the images of an application to digests');
  withExamples(command, [
    ['ocilot lock resolve -f ./deploy -o .imgpkg/images.yml', 'what the files in a folder name'],
    ['ocilot lock update --dry-run .imgpkg/images.yml', 'what would move now'],
  ]);
  return command.addCommand(resolveCommand(context)).addCommand(updateCommand(context));
}

/** `lock resolve`: an ImagesLock of what files name. */
function resolveCommand(context: Context): Command {
  const command = withLockOptions(
    new Command('resolve')
      .description('pin tags and ranges of versions to digests, and print an ImagesLock')
      .argument('[image...]', 'as app:1.4, or app:~1.4 for the highest 1.4.x')
      .addOption(
        new Option(
          '-f, --file <path>',
          'a list, Kubernetes YAML or JSON, a compose file, a Helm chart, or a folder of them; - is the standard input (repeatable)',
        ).argParser(repeated),
      )
      .option('-o, --output <path>', 'write it to a file'),
  );
  withExamples(command, [
    ['ocilot lock resolve -f deploy.yml -o .imgpkg/images.yml', 'images of Kubernetes'],
    ['kustomize build . | ocilot lock resolve -f -', 'of what another program makes'],
    ["ocilot lock resolve 'localhost:5000/app:~1.4' nginx:1.27", 'a range of versions, and a tag'],
  ]);
  return command.action(async (images: readonly string[], flags: ResolveFlags) => {
    const { file: files = [], output } = flags;
    const { printImagesLock } = await import('../../bundle/index.js');
    const lock = await pinFiles(context, flags, { files, images });
    if (output === undefined) context.out.write(printImagesLock(lock));
    else await writeLockFile(output, lock);
  });
}

/** `lock update`: asks again what was pinned by a tag or a range. */
function updateCommand(context: Context): Command {
  const command = withLockOptions(
    new Command('update')
      .description('pin again what was pinned by a tag or a range, and print what moved')
      .argument('<lock>', 'an ImagesLock, or the folder of a bundle')
      .option('--dry-run', 'only print it')
      .addOption(
        new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'),
      ),
  );
  withExamples(command, [
    ['ocilot lock update .imgpkg/images.yml', 'write the file again'],
    ['ocilot lock update --dry-run ./app', "a bundle's list, left as it is"],
  ]);
  return command.action(async (text: string, flags: UpdateFlags) => {
    const library = await import('../../bundle/index.js');
    const path = await lockPath(text);
    const lock = library.parseImagesLock(await textOf(path), path);
    const { lock: updated, moves } = await withClient(context, flags, (session) =>
      library.updateLock(placesOf(session, library.Places), lock, optionsOf(context, flags, session, path)),
    );
    if (flags.output === 'json') writeLines(context, [JSON.stringify({ moves }, null, 2)]);
    else writeLines(context, library.movesAsText(moves));
    if (moves.length === 0) context.err.write('nothing moved\n');
    else if (flags.dryRun !== true) await writeLockFile(path, updated);
  });
}

function withLockOptions(command: Command): Command {
  command.option(
    '--allow-conflicts',
    'where bundles want versions that exclude each other, let each have its own',
  );
  return withImgpkgOptions(command.optionsGroup('Registries:'));
}

/**
 * Pins what files and the command line name.
 * @throws UsageError for nothing to pin; what reading files and asking registries throws
 */
export async function pinFiles(
  context: Context,
  flags: LockFlags,
  { files, images = [] }: Named,
): Promise<ImagesLock> {
  if (files.length + images.length === 0)
    throw new UsageError('nothing to pin: name images, or with -f files that do');
  const library = await import('../../bundle/index.js');
  return await withClient(context, flags, async (session) => {
    const { signal } = session;
    const { env: environment, input } = context;
    const found = await library.imagesInFiles(files, { environment, input, signal });
    const given = images.map((text) => ({ text, where: 'the command line', certain: true }));
    const { wanted, notices } = library.wantedImages([...given, ...found.images]);
    for (const notice of [...found.notices, ...notices]) context.err.write(`${printable(notice)}\n`);
    if (wanted.length === 0)
      throw new OciError(
        'INVALID_OPTION',
        `${files.map((file) => quote(file)).join(', ')}: no image is named`,
      );
    const options = optionsOf(context, flags, session, 'this list');
    const resolved = await library.resolveImages(placesOf(session, library.Places), wanted, options);
    return library.lockOfResolved(resolved);
  });
}

const placesOf = (session: Session, Made: typeof Places): Places =>
  new Made((place) => session.repository(place));

function optionsOf(
  context: Context,
  { allowConflicts = false }: LockFlags,
  { signal }: Session,
  name: string,
): ResolveOptions {
  const onNotice = (notice: string): void => context.err.write(`${printable(notice)}\n`);
  return { signal, name, allowConflicts, onNotice };
}

async function lockPath(text: string): Promise<string> {
  const facts = await stat(text).catch(() => undefined);
  return facts?.isDirectory() === true ? join(text, '.imgpkg', 'images.yml') : text;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new OciError('INVALID_OPTION', `${quote(path)} cannot be read: ${whyUnreadable(cause)}`, { cause });
  }
}

/** In one step: the old list or the new one. */
async function writeLockFile(path: string, lock: ImagesLock): Promise<void> {
  const { printImagesLock } = await import('../../bundle/index.js');
  const temporary = freshName(dirname(path), '.images-');
  try {
    await replaceFile(path, Buffer.from(printImagesLock(lock)), temporary);
  } catch (cause) {
    await rm(temporary, { force: true });
    if (systemCode(cause) === undefined) throw cause;
    const why = systemCode(cause) === 'ENOENT' ? 'there is no such folder' : (cause as Error).message;
    throw new OciError('INVALID_OPTION', `${quote(path)} cannot be written: ${why}`, { cause });
  }
}

/** Results, one on each line. */
export function writeLines({ out }: Context, lines: readonly string[]): void {
  for (const line of lines) out.write(`${line}\n`);
}
