import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { collect, type ByteStream } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { putImage } from '../content.js';
import { archived } from './helpers.js';

const SCRIPT = `
import { createLayoutArchive, openArchive, verifyArchive } from './image/archive/index.js';
import { putImage } from './test/image/content.js';
if (process.argv[2] === 'write') {
  const sink = await createLayoutArchive('-', { seal: true });
  await putImage(sink, { seed: 'a', tags: ['1'] });
  await sink.finish();
} else {
  console.log(JSON.stringify(process.argv[2] === 'verify'
    ? await verifyArchive('-')
    : await (await openArchive('-')).resolve('1')));
}
`;

it('archives go through the standard output and input, the same bytes as into a file', async () => {
  const program = join(await tempFolder(), 'stdio.mjs');
  const resolveDir = join(import.meta.dirname, '../../..');
  const stdin = { contents: SCRIPT, resolveDir };
  await build({ stdin, outfile: program, bundle: true, format: 'esm', platform: 'node', logLevel: 'error' });
  const run = async (work: string, input: Uint8Array): Promise<Uint8Array> => {
    const child = spawn(process.execPath, [program, work], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    child.stdin.end(input);
    const output = await collect(child.stdout as ByteStream, 1 << 20, 'output');
    expect(await exited).toEqual([0, null]);
    return output;
  };
  const bytes = await run('write', Buffer.of());
  expect(bytes).toEqual(await archived({ seal: true }, (sink) => putImage(sink, { seed: 'a', tags: ['1'] })));
  const report: unknown = JSON.parse(Buffer.from(await run('verify', bytes)).toString());
  expect(report).toMatchObject({ sealed: true, problems: [] });
  expect(JSON.parse(Buffer.from(await run('open', bytes)).toString())).toMatchObject({ annotations: {} });
});
