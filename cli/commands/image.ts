import { Command } from 'commander';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { imageAuthCommand } from './auth-image.js';
import { blobCommand } from '../image/blob.js';
import { catalogCommand } from '../image/catalog.js';
import { configCommand } from '../image/config.js';
import { copyCommand } from '../image/copy.js';
import { deleteCommand } from '../image/delete.js';
import { digestCommand } from '../image/digest.js';
import { gcCommand } from '../image/gc.js';
import { indexCommand } from '../image/index-group.js';
import { listCommand } from '../image/list.js';
import { manifestCommand } from '../image/manifest.js';
import { pullCommand } from '../image/pull.js';
import { pushCommand } from '../image/push.js';
import { registryCommand } from '../image/registry.js';
import { tagCommand } from '../image/tag.js';
import { versionCommand } from './version.js';

/** The commands of crane, in the order of the help. */
const COMMANDS: readonly ((context: Context) => Command)[] = [
  imageAuthCommand,
  blobCommand,
  catalogCommand,
  configCommand,
  copyCommand,
  deleteCommand,
  digestCommand,
  gcCommand,
  indexCommand,
  listCommand,
  manifestCommand,
  pullCommand,
  pushCommand,
  registryCommand,
  tagCommand,
  versionCommand,
];

/** `ocilot image`: what crane does, and more. */
export function imageCommand(context: Context): Command {
  const command = new Command('image').description('look at, make, edit and move images, as crane does');
  for (const make of COMMANDS) command.addCommand(make(context));
  withExamples(command, [
    ["alias crane='ocilot image'", 'the same commands and flags'],
    ['ocilot image ls registry.example/team/app', 'the tags of a repository'],
    ['ocilot image copy alpine:3 localhost:5000/alpine:3', 'every platform, and what is signed about it'],
    [
      'ocilot image copy localhost:5000/alpine:3 oci:./layout:3',
      'into a folder; archives and stores likewise',
    ],
  ]);
  return command;
}
