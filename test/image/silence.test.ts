import { readdir } from 'node:fs/promises';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { abortable } from '../../image/abortable.js';
import {
  createDockerArchive,
  createLayoutArchive,
  openArchive,
  verifyArchive,
} from '../../image/archive/index.js';
import { decompress } from '../../image/compression.js';
import { layerFromStream } from '../../image/files/index.js';
import type { Sink, Source } from '../../image/media.js';
import { openBlob } from '../../image/read.js';
import { describe as described, type ByteStream, type CallOptions } from '../../oci/index.js';
import { tempTmpdir } from '../helpers/temp.js';
import { blobFrom, putImage } from './content.js';
import { bytesOf } from './helpers.js';

const REASON = new Error('enough');

/** A stream that gives some bytes and then nothing, ever; it tells when that begins. */
function silentAfter(bytes: Uint8Array): { readonly stream: ByteStream; readonly silent: Promise<void> } {
  let begin = (): void => undefined;
  const silent = new Promise<void>((resolve) => (begin = resolve));
  async function* generate(): AsyncGenerator<Uint8Array> {
    if (bytes.length > 0) yield bytes;
    begin();
    await new Promise(() => undefined);
  }
  return { stream: generate(), silent };
}

/** Reads that wait for bytes of a stream. */
const READERS: readonly (readonly [string, (stream: ByteStream, call: CallOptions) => Promise<unknown>])[] = [
  ['layerFromStream', (stream, call) => layerFromStream(stream, call)],
  ['openArchive', (stream, call) => openArchive(stream, call)],
  ['verifyArchive', (stream, call) => verifyArchive(stream, call)],
  ['decompress', (stream, call) => bytesOf(decompress(stream, call))],
  [
    'openBlob',
    async (stream, call) => {
      const source = { name: 'silent', blob: async () => stream } as unknown as Source;
      return await bytesOf(await openBlob(source, described('text/plain', Buffer.alloc(2000)), call));
    },
  ],
];
const FIRST = { nothing: Buffer.of(), plain: Buffer.alloc(1000), gzip: Buffer.of(0x1f, 0x8b, 8, 0) };

describe('a stream that falls silent', () => {
  const cases = READERS.flatMap(([name, read]) =>
    Object.entries(FIRST).map(([what, bytes]) => [name, what, bytes, read] as const),
  );
  it.each(cases)('%s ends by its signal after %s, and leaves nothing', async (_, what, bytes, read) => {
    const folder = await tempTmpdir();
    const stop = new AbortController();
    const { stream, silent } = silentAfter(bytes);
    const ended = expect(read(stream, { signal: stop.signal }), what).rejects.toBe(REASON);
    await silent;
    stop.abort(REASON);
    await ended;
    expect(await readdir(folder)).toEqual([]);
  });

  it('of Node is destroyed', async () => {
    const stop = new AbortController();
    const stream = new PassThrough();
    const ended = expect(bytesOf(abortable(stream, { signal: stop.signal }))).rejects.toBe(REASON);
    stop.abort(REASON);
    await ended;
    expect(stream.destroyed).toBe(true);
  });

  it('is closed by a reader that has enough, and passes what it fails with', async () => {
    const { signal } = new AbortController();
    let closed = false;
    async function* generate(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.of(1);
        yield Buffer.of(2);
      } finally {
        closed = true;
      }
    }
    for await (const bytes of abortable(generate(), { signal })) {
      expect(bytes).toEqual(Buffer.of(1));
      break;
    }
    expect(closed).toBe(true);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.of(1);
      throw REASON;
    }
    await expect(bytesOf(abortable(broken(), { signal }))).rejects.toBe(REASON);
  });
});

/** A sink whose every call has a signal. */
function within(sink: Sink, signal: AbortSignal): Sink {
  return {
    name: sink.name,
    hasManifest: (descriptor) => sink.hasManifest(descriptor, { signal }),
    hasBlob: (descriptor) => sink.hasBlob(descriptor, { signal }),
    resolve: (reference) => sink.resolve(reference, { signal }),
    putBlob: (blob) => sink.putBlob(blob, { signal }),
    putManifest: (descriptor, bytes, options) => sink.putManifest(descriptor, bytes, { ...options, signal }),
  };
}

describe('a reader of an archive that falls silent', () => {
  const deaf = (): Writable => new Writable({ highWaterMark: 1, write: () => undefined });
  const SINKS: readonly (readonly [string, (stream: Writable) => Promise<Sink>])[] = [
    ['docker', (stream) => createDockerArchive(stream)],
    ['legacy', (stream) => createDockerArchive(stream, { format: 'legacy' })],
  ];

  it.each(SINKS)('ends what is put, and what ends it, by their signals: %s', async (_, create) => {
    const stop = new AbortController();
    const stream = deaf();
    const sink = await create(stream);
    const work = async (): Promise<void> => {
      await putImage(within(sink, stop.signal), { seed: 'a', tags: ['r.example/a:1'] });
      await sink.finish?.({ signal: stop.signal });
    };
    const ended = expect(work()).rejects.toBe(REASON);
    await vi.waitFor(() => expect(stream.writableNeedDrain).toBe(true));
    stop.abort(REASON);
    await ended;
    await sink.abandon?.();
    expect(stream.destroyed).toBe(true);
  });

  it('of a layout', async () => {
    const stop = new AbortController();
    const stream = new Writable({ highWaterMark: 3000, write: () => undefined });
    const sink = await createLayoutArchive(stream);
    const blob = blobFrom('text/plain', Buffer.alloc(10_000));
    const ended = expect(sink.putBlob(blob, { signal: stop.signal })).rejects.toBe(REASON);
    await vi.waitFor(() => expect(stream.writableNeedDrain).toBe(true));
    stop.abort(REASON);
    await ended;
    await expect(sink.finish?.({ signal: stop.signal })).rejects.toBe(REASON);
    await sink.abandon?.();
  });

  it('is heard at the end, too', async () => {
    const stop = new AbortController();
    const sink = await createLayoutArchive(new Writable({ highWaterMark: 1 << 20, write: () => undefined }));
    await sink.putBlob(blobFrom('text/plain', Buffer.from('x')));
    const ended = expect(sink.finish?.({ signal: stop.signal })).rejects.toBe(REASON);
    await Promise.resolve();
    stop.abort(REASON);
    await ended;
    await sink.abandon?.();
  });
});
