import { Command } from 'commander';
import type { CommandEntry } from '../commands.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { takeGlobals } from '../image/global-options.js';

/** The commands of crane, in the order of the help. */
const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'append',
    summary: 'make an image: put layers on a base or on nothing, set its config, and push it once',
    load: async (context) => (await import('../image/append.js')).appendCommand(context),
  },
  {
    name: 'auth',
    summary: 'log in or out, and show credentials and tokens',
    load: async (context) => (await import('./auth-image.js')).imageAuthCommand(context),
  },
  {
    name: 'blob',
    summary: 'print a blob, checked against its digest',
    load: async (context) => (await import('../image/blob.js')).blobCommand(context),
  },
  {
    name: 'catalog',
    summary: 'list the repositories of a registry',
    load: async (context) => (await import('../image/catalog.js')).catalogCommand(context),
  },
  {
    name: 'config',
    summary: 'print the config of an image',
    load: async (context) => (await import('../image/config.js')).configCommand(context),
  },
  {
    name: 'copy',
    summary: 'copy images from one place to another, byte for byte',
    load: async (context) => (await import('../image/copy.js')).copyCommand(context),
  },
  {
    name: 'delete',
    summary: 'delete a tag, or a manifest by its digest',
    load: async (context) => (await import('../image/delete.js')).deleteCommand(context),
  },
  {
    name: 'digest',
    summary: 'print the digest of an image or an index',
    load: async (context) => (await import('../image/digest.js')).digestCommand(context),
  },
  {
    name: 'edit',
    summary: 'edit a config, a manifest or a file of an image: in $EDITOR, or from the standard input',
    load: async (context) => (await import('../image/edit.js')).editCommand(context),
  },
  {
    name: 'export',
    summary: 'write the files of an image as one tar',
    load: async (context) => (await import('../image/export.js')).exportCommand(context),
  },
  {
    name: 'flatten',
    summary: 'make all layers of an image one',
    load: async (context) => (await import('../image/flatten.js')).flattenCommand(context),
  },
  {
    name: 'gc',
    summary: 'print the manifests of a repository that have no tag, where its registry tells; delete nothing',
    load: async (context) => (await import('../image/gc.js')).gcCommand(context),
  },
  {
    name: 'index',
    summary: 'make, filter and list indexes',
    load: async (context) => (await import('../image/index-group.js')).indexCommand(context),
  },
  {
    name: 'layout',
    summary: 'keep OCI layouts in order',
    load: async (context) => (await import('../image/layout.js')).layoutCommand(context),
  },
  {
    name: 'ls',
    summary: 'list the tags of a repository',
    load: async (context) => (await import('../image/list.js')).listCommand(context),
  },
  {
    name: 'manifest',
    summary: 'print the manifest of an image, or an index',
    load: async (context) => (await import('../image/manifest.js')).manifestCommand(context),
  },
  {
    name: 'mutate',
    summary: 'change labels, environment, command and more of an image, without its layers',
    load: async (context) => (await import('../image/mutate.js')).mutateCommand(context),
  },
  {
    name: 'pull',
    summary: 'write images into an archive or an OCI layout',
    load: async (context) => (await import('../image/pull.js')).pullCommand(context),
  },
  {
    name: 'push',
    summary: 'push an image from an archive or an OCI layout',
    load: async (context) => (await import('../image/push.js')).pushCommand(context),
  },
  {
    name: 'rebase',
    summary: 'exchange the base of an image, without its own layers',
    load: async (context) => (await import('../image/rebase.js')).rebaseCommand(context),
  },
  {
    name: 'registry',
    summary: 'run a registry',
    load: async (context) => (await import('../image/registry.js')).registryCommand(context),
  },
  {
    name: 'tag',
    summary: 'give an image another tag in its repository',
    load: async (context) => (await import('../image/tag.js')).tagCommand(context),
  },
  {
    name: 'validate',
    summary: 'read an image or an index, and check that all of it is there and is what it says',
    load: async (context) => (await import('../image/validate.js')).validateCommand(context),
  },
  {
    name: 'version',
    summary: 'print the version, and nothing else',
    load: async (context) => (await import('../image/version.js')).imageVersionCommand(context),
  },
];

/** Other names of commands. */
const ALIASES: Readonly<Record<string, string>> = { cp: 'copy' };

/**
 * `ocilot image`: what crane does, and more.
 * @param line what the program was asked: commands that it does not name stand there by name only
 */
export async function imageCommand(context: Context, line?: readonly string[]): Promise<Command> {
  const command = new Command('image').description('look at, make, edit and move images, as crane does');
  const named = line?.find((word, at) => at > 0 && !word.startsWith('-') && word !== 'help');
  const wanted = named === undefined ? undefined : (ALIASES[named] ?? named);
  for (const entry of COMMANDS) {
    const { name, summary } = entry;
    const needed = line === undefined || name === wanted;
    command.addCommand(
      (needed ? takeGlobals(await entry.load(context)) : new Command(name)).description(summary),
    );
  }
  withExamples(command, [
    ["alias crane='ocilot image'", 'the same commands and flags'],
    [
      'ocilot image append --oci-empty-base -f ./site/:/srv -t localhost:5000/site:1',
      'make an image of a folder',
    ],
    ['ocilot image ls registry.example/team/app', 'the tags of a repository'],
    ['ocilot image copy alpine:3 localhost:5000/alpine:3', 'every platform, and what is signed about it'],
    [
      'ocilot image copy localhost:5000/alpine:3 oci:./layout:3',
      'into a folder; archives and stores likewise',
    ],
  ]);
  return command;
}
