import { Command } from 'commander';
import type { Context } from '../context.js';
import { indexListCommand } from './index-list.js';

/** `image index`: indexes of images. */
export function indexCommand(context: Context): Command {
  return new Command('index')
    .description('make, filter and list indexes')
    .addCommand(indexListCommand(context));
}
