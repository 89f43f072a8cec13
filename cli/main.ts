#!/usr/bin/env node
import { Command } from 'commander';

const program = new Command('ocilot');
program
  .command('serve')
  .option('--data <dir>')
  .option('--port <n>', '', '5000')
  .option('--blobs <kind>', '', 'auto')
  .action(async (options: { data?: string; port: string; blobs: 'auto' | 'leveldb' }) => {
    const { createRegistry, listen } = await import('../registry/index.js');
    const registry = await createRegistry({
      storage:
        options.data === undefined ? { kind: 'memory' } : { kind: options.blobs, folder: options.data },
      onError: (error) => process.stderr.write(`${String((error as Error).stack)}\n`),
    });
    const server = await listen(registry, { port: Number(options.port) });
    process.stdout.write(`${server.url}\n`);
    process.on(
      'SIGTERM',
      () =>
        void server
          .close()
          .then(() => registry.close())
          .then(() => process.exit(0)),
    );
  });
await program.parseAsync();
