import { Command } from 'commander';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { interruptible } from '../interrupt.js';

/** `image layout`: what is to be done with an OCI layout as a whole. */
export function layoutCommand(context: Context): Command {
  const gc = new Command('gc')
    .description('take away the blobs of an OCI layout that its index does not lead to')
    .argument('<folder>');
  withExamples(gc, [['ocilot image layout gc ./layout', 'names on stderr what goes']]);
  gc.action(async (folder: string) => {
    const { layoutGc } = await import('../../image/layout/index.js');
    const { removed } = await interruptible((signal) => layoutGc(folder, { signal }));
    for (const digest of removed) context.err.write(`removed ${digest}\n`);
  });
  return new Command('layout').description('keep OCI layouts in order').addCommand(gc);
}
