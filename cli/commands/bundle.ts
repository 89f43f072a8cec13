import { Command, Option } from 'commander';
import type { ImagesLock, OpenRepository, TreeNode } from '../../bundle/index.js';
import { withImgpkgOptions, type ClientFlags } from '../client-options.js';
import type { Context } from '../context.js';
import { EXIT, describeError, exitCodeOf } from '../exit.js';
import { withExamples } from '../help.js';
import { isFilePath } from '../image/local-paths.js';
import { withMedia, type Media } from '../image/media.js';
import { repeated } from '../image/options.js';
import { isSpelledOut } from '../image/place-names.js';
import { pinFiles, writeLines } from './lock.js';

interface Flags extends ClientFlags {
  readonly output: 'json' | 'text';
}

interface InitFlags extends ClientFlags {
  readonly imagesFrom?: readonly string[];
}

/** `ocilot bundle`: make bundles, and look into them. */
export function bundleCommand(context: Context): Command {
  const command = new Command('bundle').description('make bundles, look into them, and compare them');
  withExamples(command, [
    ['ocilot bundle init ./app --images-from ./app', 'make a folder of Kubernetes files a bundle'],
    ['ocilot bundle tree localhost:5000/app:1.4', 'what it contains, bundles in it too'],
    ['ocilot bundle diff localhost:5000/app:1.3 app.tar', 'what changed in an archive'],
  ]);
  return command
    .addCommand(initCommand(context))
    .addCommand(diffCommand(context))
    .addCommand(treeCommand(context));
}

/** `bundle init`: a folder becomes a bundle. */
function initCommand(context: Context): Command {
  const command = withRegistries(
    new Command('init')
      .description('make a folder a bundle: .imgpkg/images.yml and .imgpkg/bundle.yml')
      .argument('[folder]', 'the folder', '.')
      .addOption(
        new Option(
          '--images-from <path>',
          'pin the images that a file, a folder or a chart names; - is the standard input (repeatable)',
        ).argParser(repeated),
      ),
  );
  withExamples(command, [
    ['ocilot bundle init ./app', 'with an empty list of images'],
    ['ocilot bundle init ./app --images-from ./app/config', 'with those that its files name'],
  ]);
  return command.action(async (folder: string, flags: InitFlags) => {
    const { checkFolder, initBundle } = await import('../../bundle/index.js');
    // Nobody wants to wait for registries to hear this.
    await checkFolder(folder);
    const { imagesFrom = [] } = flags;
    const lock: ImagesLock | undefined =
      imagesFrom.length === 0 ? undefined : await pinFiles(context, flags, { files: imagesFrom });
    writeLines(context, await initBundle(folder, lock));
  });
}

/** `bundle tree`: what contains what. */
function treeCommand(context: Context): Command {
  const command = withRegistries(
    withFormat(new Command('tree'))
      .description('print what a bundle contains, bundles in it too')
      .argument('<bundle>', 'a reference, with a tag, a digest or a range of versions, or an archive'),
  );
  withExamples(command, [
    ['ocilot bundle tree localhost:5000/app:1.4', 'of a registry'],
    ['ocilot bundle tree app.tar -o json', 'of an archive, for a program'],
  ]);
  return command.action(async (text: string, flags: Flags) => {
    const [tree] = await withTrees(context, flags, [text], (trees) => Promise.resolve(trees));
    const { treeAsData, treeAsText } = await import('../../bundle/index.js');
    if (tree === undefined) return;
    if (flags.output === 'json') writeLines(context, [JSON.stringify(treeAsData(tree), null, 2)]);
    else writeLines(context, treeAsText(tree));
  });
}

/** `bundle diff`: exits as `diff` does. */
function diffCommand(context: Context): Command {
  const command = withRegistries(
    withFormat(new Command('diff'))
      .description('print how two bundles differ: exit 0 when they are the same, 1 when not, 2 for trouble')
      .argument('<bundle>', 'a reference, with a tag, a digest or a range of versions, or an archive')
      .argument('<other>', 'what it is compared with'),
  );
  withExamples(command, [
    ['ocilot bundle diff localhost:5000/app:1.3 localhost:5000/app:1.4', 'files and images that changed'],
    ['ocilot bundle diff localhost:5000/app:1.4 app.tar -o json', 'with an archive, for a program'],
  ]);
  return command.action(async (from: string, to: string, flags: Flags) => {
    try {
      await withTrees(context, flags, [from, to], async ([before, after], signal) => {
        if (before === undefined || after === undefined) return;
        const { diffAsData, diffAsText, diffBundles } = await import('../../bundle/index.js');
        const diff = await diffBundles(before, after, { signal });
        if (flags.output === 'json') writeLines(context, [JSON.stringify(diffAsData(diff), null, 2)]);
        else writeLines(context, diffAsText(diff));
        context.exitCode = diff.same ? EXIT.ok : EXIT.failure;
      });
    } catch (error) {
      // 1 is an answer here.
      context.err.write(`ocilot: ${describeError(error)}\n`);
      context.exitCode = Math.max(exitCodeOf(error), EXIT.usage);
    }
  });
}

const withRegistries = (command: Command): Command => withImgpkgOptions(command.optionsGroup('Registries:'));

function withFormat(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'),
  );
}

/** Opens bundles wherever they are, and does something with their trees while they are open. */
async function withTrees<T>(
  context: Context,
  flags: ClientFlags,
  texts: readonly string[],
  work: (trees: readonly TreeNode[], signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const library = await import('../../bundle/index.js');
  const isLocal = (text: string): boolean => isFilePath(text) || isSpelledOut(text);
  const local = async (media: Media, text: string): Promise<TreeNode> => {
    const source = await (isFilePath(text) ? media.path(text) : media.source(text));
    return await library.archiveTree(source, { signal: media.signal });
  };
  return await withMedia(
    context,
    flags,
    [],
    async (media) => {
      const open: OpenRepository = (place) => media.session.repository(place);
      const places = new library.Places(open);
      const call = { signal: media.signal };
      const remote = async (text: string): Promise<TreeNode> => {
        const wanted = await library.parseWantedRange(open, text, call);
        return await library.bundleTree(places, wanted, call);
      };
      const trees = texts.map((text) => (isLocal(text) ? local(media, text) : remote(text)));
      // None is left at its reads when another fails: what they go through is closed then.
      await Promise.allSettled(trees);
      return await work(await Promise.all(trees), media.signal);
    },
    { remote: !texts.every(isLocal) },
  );
}
