import type { Command } from 'commander';
import type { Context } from './context.js';

/** A command of the program; its code is loaded when it is the one that was asked for. */
export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** @param line what the program was asked, this command's name first: a group loads only what that needs */
  load(context: Context, line?: readonly string[]): Promise<Command>;
  /** Puts the words of the line in the order that the command takes them in. */
  arrange?(line: readonly string[]): Promise<readonly string[]>;
  /** Has the commands of a peer, and their exit codes: 0 or 1. */
  readonly peer?: true;
}

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    summary: 'run a registry',
    load: async (context) => (await import('./commands/serve.js')).serveCommand(context),
  },
  {
    name: 'push',
    summary: 'push files as a bundle or an image, as imgpkg does',
    load: async (context) => (await import('./commands/push.js')).pushCommand(context),
    peer: true,
  },
  {
    name: 'pull',
    summary: 'put the files of a bundle or an image into a folder',
    load: async (context) => (await import('./commands/pull.js')).pullCommand(context),
    peer: true,
  },
  {
    name: 'copy',
    summary: 'copy bundles and images between registries and archives',
    load: async (context) => (await import('./commands/copy.js')).copyCommand(context),
    peer: true,
  },
  {
    name: 'describe',
    summary: 'tell what a bundle holds',
    load: async (context) => (await import('./commands/describe.js')).describeCommand(context),
    peer: true,
  },
  {
    name: 'tag',
    summary: 'list tags, and tell what they lead to',
    load: async (context) => (await import('./commands/tag.js')).tagCommand(context),
    peer: true,
  },
  {
    name: 'bundle',
    summary: 'make bundles, look into them, and compare them',
    load: async (context) => (await import('./commands/bundle.js')).bundleCommand(context),
  },
  {
    name: 'lock',
    summary: 'pin the images of an application to digests',
    load: async (context) => (await import('./commands/lock.js')).lockCommand(context),
  },
  {
    name: 'verify',
    summary: 'check an archive whole before it is carried or loaded',
    load: async (context) => (await import('./commands/verify.js')).verifyCommand(context),
  },
  {
    name: 'inventory',
    summary: 'write down what a place has, so that only the rest is carried there',
    load: async (context) => (await import('./commands/inventory.js')).inventoryCommand(context),
  },
  {
    name: 'image',
    summary: 'look at, make, edit and move images, as crane does',
    load: async (context, line) => (await import('./commands/image.js')).imageCommand(context, line),
    arrange: async (line) => (await import('./image/line.js')).arrangeImageLine(line),
    peer: true,
  },
  {
    name: 'gc',
    summary: 'free the space of what nothing needs',
    load: async (context) => (await import('./commands/gc.js')).gcCommand(context),
  },
  {
    name: 'scrub',
    summary: 'read everything again and tell what is damaged',
    load: async (context) => (await import('./commands/scrub.js')).scrubCommand(context),
  },
  {
    name: 'backup',
    summary: 'copy a data folder while it is served',
    load: async (context) => (await import('./commands/backup.js')).backupCommand(context),
  },
  {
    name: 'user',
    summary: 'add, remove and list the users of a registry',
    load: async (context) => (await import('./commands/user.js')).userCommand(context),
  },
  {
    name: 'login',
    summary: 'keep the user and password of a registry',
    load: async (context) => (await import('./commands/login.js')).loginCommand(context),
  },
  {
    name: 'logout',
    summary: 'forget them',
    load: async (context) => (await import('./commands/logout.js')).logoutCommand(context),
  },
  {
    name: 'auth',
    summary: 'explain where credentials come from',
    load: async (context) => (await import('./commands/auth.js')).authCommand(context),
  },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    load: async (context) => (await import('./commands/completion.js')).completionCommand(context),
  },
  {
    name: 'version',
    summary: 'print the version',
    load: async (context) => (await import('./commands/version.js')).versionCommand(context),
  },
];
