import { Command } from 'commander';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';

interface Flags {
  readonly address?: string;
  readonly disk?: string;
}

/** `image registry serve`: crane's spelling of `serve`. */
export function registryCommand(context: Context): Command {
  const serve = new Command('serve')
    .description('run a registry; `ocilot serve` has all settings')
    .option('--address <host:port>', 'where to listen (default: 127.0.0.1, the port in PORT or any free one)')
    .option('--disk <folder>', 'keep content there (default: in memory)');
  withExamples(serve, [
    ['ocilot image registry serve --address localhost:5000 --disk ./registry', 'keep content'],
  ]);
  serve.action(async ({ address, disk }: Flags) => {
    const { host, port } = addressOf(address, context.env['PORT']);
    const { serveCommand } = await import('../commands/serve.js');
    const place = disk === undefined ? ['--blobs', 'memory'] : ['--data', disk];
    await serveCommand(context).parseAsync(['--host', host, '--port', port, ...place], { from: 'user' });
  });
  return new Command('registry').description('run a registry').addCommand(serve);
}

function addressOf(address: string | undefined, port = '0'): { host: string; port: string } {
  if (address === undefined) return { host: '127.0.0.1', port };
  const match = /^(.*):(\d{1,5})$/.exec(address);
  if (match === null) throw new UsageError(`--address is ${address}: expected host:port, as localhost:5000`);
  return { host: (match[1] ?? '').replace(/^\[(.*)\]$/, '$1') || '0.0.0.0', port: match[2] ?? '0' };
}
