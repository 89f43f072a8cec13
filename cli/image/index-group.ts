import { Command } from 'commander';
import type { Context } from '../context.js';
import { indexAppendCommand } from './index-append.js';
import { indexFilterCommand } from './index-filter.js';
import { indexListCommand } from './index-list.js';

/** `image index`: indexes of images. */
export function indexCommand(context: Context): Command {
  return new Command('index')
    .description('make, filter and list indexes')
    .addCommand(indexAppendCommand(context))
    .addCommand(indexFilterCommand(context))
    .addCommand(indexListCommand(context));
}
