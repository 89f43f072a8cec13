import { Command, Option } from 'commander';
import { isHost, OciError, printable, quote } from '../../oci/index.js';
import { withClient } from '../client-session.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withImageOptions, type ImageFlags } from './options.js';

interface Flags extends ImageFlags {
  readonly fullRef?: boolean;
  readonly output: 'json' | 'text';
}

/** `image catalog`: the repositories of a registry, as its pages come. */
export function catalogCommand(context: Context): Command {
  const command = withImageOptions(new Command('catalog'))
    .description('list the repositories of a registry')
    .argument('<registry>')
    .option('--full-ref', 'print registry/repository');
  withOutput(command);
  withExamples(command, [['ocilot image catalog localhost:5000', 'one on each line']]);
  return command.action(async (registry: string, flags: Flags) => {
    if (!isHost(registry))
      throw new OciError('REFERENCE_INVALID', `${quote(registry)} is no registry: expected host[:port]`);
    await withClient(context, flags, async (session) => {
      const { catalog } = await import('../../client/index.js');
      const place = session.place({ registry, repository: 'any' }).registry;
      const print = listPrinter(context, flags.output);
      for await (const name of catalog(session.client.transport, place, {
        signal: session.signal,
        pageSize: 1000,
      }))
        print.item(flags.fullRef === true ? `${registry}/${name}` : name);
      print.end();
    });
  });
}

/** `-o` of a list. */
export function withOutput(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'of the list').choices(['json', 'text']).default('text'),
  );
}

/** Prints the items of a list as they come, or as one JSON array. */
export function listPrinter(
  { out }: Context,
  output: string,
): { readonly item: (text: string) => void; readonly end: () => void } {
  if (output !== 'json') return { item: (text) => out.write(`${printable(text)}\n`), end: () => undefined };
  const items: string[] = [];
  return { item: (text) => void items.push(text), end: () => out.write(`${JSON.stringify(items)}\n`) };
}
